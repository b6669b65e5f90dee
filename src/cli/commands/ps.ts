import { NkError } from "../../base/errors.ts";
import { printableLine } from "../../base/printable.ts";
import type { ProcessRow } from "../../container/container-mode.ts";
import type { Command } from "../command.ts";
import { formatOption } from "../options.ts";
import { findContainer } from "../find-container.ts";
import { print } from "../../base/print.ts";
import { formatTable } from "../output.ts";

export const ps: Command = {
  spec: {
    name: "ps",
    summary: "list the processes of a container",
    usage: "ID",
    description:
      "Lists the processes of a container. Options of ps(1) after ID, which runc takes, are refused: the processes of a VM are not\nthe host's. `exec ID ps` shows more.",
    options: [formatOption("table", "json")],
    min: 1,
    max: Number.POSITIVE_INFINITY,
    stopAtFirstPositional: true,
    examples: ["nk-runtime ps mycontainer", "nk-runtime ps --format json mycontainer"],
  },

  async run(context) {
    const [id, ...psOptions] = context.positionals;
    if (psOptions.length > 0) {
      throw new NkError(
        "UNSUPPORTED",
        `ps takes no options of ps after the ID, found ${psOptions.join(" ")}: use "nk-runtime exec ${id} ps ${psOptions.join(" ")}"`,
      );
    }
    const { container, mode } = await findContainer(context);
    const rows = container.status === "stopped" ? [] : await mode.ps(container);
    await print(
      context.flags.text("format") === "json"
        ? `${JSON.stringify(rows.map(({ pid }) => pid))}\n`
        : table(rows),
    );
    return 0;
  },
};

function table(rows: ProcessRow[]): string {
  const lines = rows.map(({ uid, pid, ppid, state, args }) => [
    String(uid),
    String(pid),
    String(ppid),
    printableLine(state),
    printableLine(args),
  ]);
  return formatTable([["UID", "PID", "PPID", "STATE", "CMD"], ...lines]);
}
