import { checkAllowed } from "../../container/lifecycle.ts";
import { parseSignal } from "../../host/signals.ts";
import type { Command } from "../command.ts";
import { findAndTrace } from "../find-container.ts";

export const kill: Command = {
  spec: {
    name: "kill",
    summary: "send a signal to a container",
    usage: "ID [SIGNAL]",
    description:
      "Sends SIGNAL (a name with or without SIG, or a number; default: TERM) to the container's own process. 0 sends nothing,\nand fails when the process has ended.",
    options: [{ name: "all", short: "a", type: "switch", help: "send it to all processes of the container" }],
    min: 1,
    max: 2,
    examples: ["nk-runtime kill mycontainer KILL"],
  },

  async run(context) {
    const all = context.flags.switch("all");
    const signal = parseSignal(context.positionals[1] ?? "TERM");
    const { container, mode } = await findAndTrace(context);
    // As in runc: callers send --all to be sure that nothing is left.
    if (all && container.status === "stopped") return 0;
    checkAllowed("kill", container);
    // As kill(2): nothing is sent, whoever asks wants to know whether it is there.
    if (signal === 0) return 0;
    await mode.kill(container, signal, all);
    return 0;
  },
};
