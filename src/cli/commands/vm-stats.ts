import { askMonitor } from "../../machine/control.ts";
import type { MachineStats } from "../../monitor/machine-stats.ts";
import type { Command } from "../command.ts";
import { formatOption } from "../options.ts";
import { findRunning } from "../find-machine.ts";
import { print } from "../../base/print.ts";
import { formatTable } from "../output.ts";

export const vmStats: Command = {
  spec: {
    name: "vm-stats",
    summary: "print what a virtual machine costs",
    usage: "ID",
    description:
      "Prints memory (proportional set size) and CPU time of each of the VM's processes on the host, and what the guest says of\nitself and of its containers.",
    options: [formatOption("table", "json")],
    min: 1,
    max: 1,
    examples: ["nk-runtime vm-stats test-vm", "nk-runtime vm-stats --format json test-vm"],
  },

  async run({ flags, positionals, store }) {
    const { id } = await findRunning(store, positionals[0] ?? "");
    const stats = (await askMonitor(store, id, "GET", "/stats")) as MachineStats;
    await print(flags.text("format") === "json" ? `${JSON.stringify(stats, null, 2)}\n` : table(stats));
    return 0;
  },
};

function table({ host, guest }: MachineStats): string {
  const rows = host.processes.map(({ role, pid, pssKib, cpuMs }) => [
    role,
    String(pid),
    mib(pssKib),
    `${cpuMs} ms`,
  ]);
  const total = ["total", "", mib(host.totalPssKib), `${host.totalCpuMs} ms`];
  const { memTotalKib, memAvailableKib, load1 } = guest as Record<string, unknown>;
  const inside = `guest: ${mib(Number(memAvailableKib))} of ${mib(Number(memTotalKib))} available, load ${String(load1)}`;
  return `${formatTable([["PROCESS", "PID", "MEMORY", "CPU"], ...rows, total])}${inside}\n`;
}

function mib(kib: number): string {
  return `${(kib / 1024).toFixed(1)} MiB`;
}
