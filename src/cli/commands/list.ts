import { refresh } from "../../container/modes.ts";
import { ociState } from "../../oci/state.ts";
import type { OciState } from "../../oci/state.ts";
import type { Command } from "../command.ts";
import { formatOption } from "../options.ts";
import { print } from "../../base/print.ts";
import { formatTable } from "../output.ts";

export const list: Command = {
  spec: {
    name: "list",
    summary: "list containers",
    usage: "",
    description: "Lists the containers below --root, those that have stopped, too. `ls` is the same.",
    options: [
      { name: "quiet", short: "q", type: "switch", help: "only their ids" },
      formatOption("table", "json"),
    ],
    min: 0,
    max: 0,
    examples: ["nk-runtime list", "nk-runtime --root /run/containerd/runc/default list --format json"],
  },

  async run({ flags, store, logger }) {
    // As in runc: the others are worth more than an exit status.
    const records = store.list(({ message }) => logger.warn(message));
    if (flags.switch("quiet")) {
      await print(records.map(({ id }) => `${id}\n`).join(""));
      return 0;
    }
    const states = await Promise.all(records.map(async (record) => ociState(await refresh(record, store))));
    await print(flags.text("format") === "json" ? `${JSON.stringify(states)}\n` : table(states));
    return 0;
  },
};

/** runc's columns, and the mode after them. */
function table(states: OciState[]): string {
  const rows = states.map(({ id, pid, status, bundle, created, owner, mode }) => [
    id,
    String(pid),
    status,
    bundle,
    created,
    owner,
    mode,
  ]);
  return formatTable([["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER", "MODE"], ...rows]);
}
