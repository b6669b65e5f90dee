import { asNkError } from "../../base/errors.ts";
import { findGarbage } from "../../container/garbage.ts";
import { machineGarbage } from "../../machine/garbage.ts";
import { networkGarbage } from "../../network/garbage.ts";
import { poolGarbage } from "../../pool/garbage.ts";
import type { Garbage } from "../../state/garbage.ts";
import type { Command } from "../command.ts";
import { formatOption } from "../options.ts";
import { print } from "../../base/print.ts";

/** What became of one piece of garbage. */
interface Outcome {
  kind: Garbage["kind"];
  name: string;
  reason: string;
  removed: boolean;
  /** Why it could not be removed. */
  error?: string;
}

export const gc: Command = {
  spec: {
    name: "gc",
    summary: "remove what killed processes have left",
    usage: "",
    description: [
      "Removes what nobody owns any more, and says what and why: containers whose monitor was killed, or whose creator before",
      "they were there, with their processes, cgroups and networks; those that have stopped and whose bundle is gone; what is left",
      "of a VM made by hand, which itself stays; unfinished state folders; bundles of `run --image` whose container is gone;",
      "prepared guest images that were not used for 30 days. Leaves alone what runs, what is being made, and what has stopped by",
      "itself and waits for `delete`.",
      "Safe to run from cron: prints nothing when there is nothing to do, and exits with 1 when something could not be removed.",
    ].join("\n"),
    options: [
      { name: "dry-run", short: "n", type: "switch", help: "only say what would be removed" },
      formatOption("text", "json"),
    ],
    min: 0,
    max: 0,
    examples: ["nk-runtime gc --dry-run", "nk-runtime --root /run/containerd/runc/default gc"],
  },

  async run({ flags, store }) {
    const isDry = flags.switch("dry-run");
    const outcomes: Outcome[] = [];
    // One after the other: what one removal costs the host is bounded.
    for (const garbage of [...(await findGarbage(store)), ...machineGarbage(store), ...poolGarbage(store)])
      outcomes.push(await settle(garbage, isDry));
    // What is left of networks by then was no container's here: of another --root, say.
    for (const garbage of networkGarbage()) outcomes.push(await settle(garbage, isDry));
    await print(flags.text("format") === "json" ? `${JSON.stringify(outcomes)}\n` : lines(outcomes, isDry));
    return outcomes.some(({ error }) => error !== undefined) ? 1 : 0;
  },
};

async function settle(garbage: Garbage, isDry: boolean): Promise<Outcome> {
  const { kind, name, reason } = garbage;
  const found = { kind, name, reason };
  if (isDry) return { ...found, removed: false };
  try {
    return { ...found, removed: await garbage.remove() };
  } catch (error) {
    return { ...found, removed: false, error: asNkError(error).message };
  }
}

function lines(outcomes: Outcome[], isDry: boolean): string {
  return outcomes
    .filter(({ removed, error }) => isDry || removed || error !== undefined)
    .map(({ kind, name, reason, error }) => {
      const what = kind === "remains" ? `remains of VM ${name}` : `${kind} ${name}`;
      const done = isDry ? "would remove" : "removed";
      if (error === undefined) return `${done} ${what}: ${reason}\n`;
      return `cannot remove ${what} (${reason}): ${error}\n`;
    })
    .join("");
}
