import { NkError } from "../../base/errors.ts";
import { stopContainer } from "../../container/stop.ts";
import { commandHint } from "../../state/paths.ts";
import type { Command } from "../command.ts";
import { findAndTrace } from "../find-container.ts";

/** As docker and podman wait. */
const DEFAULT_GRACE_S = 10;

export const stop: Command = {
  spec: {
    name: "stop",
    summary: "end a container's process and wait for it",
    usage: "ID",
    description:
      "Sends TERM, or the signal that its image asks for, to the container's own process, and KILL to all of them when it has not\n" +
      "ended in time. The container stays until `delete`. One that has stopped already is no error.",
    options: [
      {
        name: "time",
        short: "t",
        type: "number",
        value: "SECONDS",
        help: `how long after TERM KILL follows (default: ${DEFAULT_GRACE_S})`,
      },
    ],
    min: 1,
    max: 1,
    examples: ["nk-runtime stop mycontainer", "nk-runtime stop -t 1 mycontainer"],
  },

  async run(context) {
    const { container, mode } = await findAndTrace(context);
    if (container.status === "paused") {
      const mend = commandHint(context.store.root, `resume ${container.id}`);
      throw new NkError("BAD_STATE", `a paused container cannot end by itself: ${mend} first`);
    }
    const graceMs = (context.flags.number("time") ?? DEFAULT_GRACE_S) * 1000;
    await stopContainer(mode, container, graceMs);
    return 0;
  },
};
