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
    usage: "ID [PS-OPTION...]",
    description:
      "Lists the processes of a container: what the host's ps says of them, with its options (default: -ef). Of a container in a\n" +
      "VM they are those of the guest, with its pids; `exec ID ps` shows more. As JSON they are pids of the host in any case, for\n" +
      "those who look there: of a container in a VM its shadow, and those of its execs.",
    options: [formatOption("table", "json")],
    min: 1,
    max: Number.POSITIVE_INFINITY,
    stopAtFirstPositional: true,
    examples: [
      "nk-runtime ps mycontainer",
      "nk-runtime ps mycontainer -o pid,args",
      "nk-runtime ps --format json mycontainer",
    ],
  },

  async run(context) {
    const psOptions = context.positionals.slice(1);
    const { container, mode } = await findContainer(context);
    if (context.flags.text("format") === "json") {
      await print(`${JSON.stringify(await mode.pids(container))}\n`);
      return 0;
    }
    const list = await mode.ps(container, psOptions);
    await print("rows" in list ? table(list.rows) : list.lines.map((line) => `${line}\n`).join(""));
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
