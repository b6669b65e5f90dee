import { askMonitor } from "../../machine/control.ts";
import type { MachineStats } from "../../monitor/machine-stats.ts";
import type { VmmMetrics } from "../../vm/vmm-metrics.ts";
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
      "Prints memory (proportional set size) and CPU time of each of the VM's processes on the host, what the VMM has done for the\nguest since its start, and what the guest says of itself and of its containers.",
    options: [formatOption("table", "json")],
    min: 1,
    max: 1,
    examples: ["nk-runtime vm-stats test-vm", "nk-runtime vm-stats --format json test-vm"],
  },

  async run({ flags, positionals, store }) {
    const { id } = await findRunning(store, positionals[0] ?? "");
    const stats = (await askMonitor(store, id, "GET", "/stats")) as MachineStats;
    await print(flags.text("format") === "json" ? `${JSON.stringify(stats, null, 2)}\n` : statsTable(stats));
    return 0;
  },
};

/** For people: a line for each process, then what VMM and guest say. */
export function statsTable({ host, vmm, guest, containers }: MachineStats): string {
  const rows = host.processes.map(({ role, pid, pssKib, cpuMs }) => [
    role,
    String(pid),
    mib(pssKib),
    `${cpuMs} ms`,
  ]);
  const total = ["total", "", mib(host.totalPssKib), `${host.totalCpuMs} ms`];
  const { memTotalKib, memAvailableKib, load1 } = guest as Record<string, unknown>;
  const inside = `guest: ${mib(Number(memAvailableKib))} of ${mib(Number(memTotalKib))} available, load ${Number(load1).toFixed(2)}`;
  const each = Object.entries(containers).map(([id, stats]) => `${id}: ${inGuest(stats)}\n`);
  return `${formatTable([["PROCESS", "PID", "MEMORY", "CPU"], ...rows, total])}${ofVmm(vmm).join("")}${inside}\n${each.join("")}`;
}

/** A line for each thing that this VMM counts. */
function ofVmm({ disks, vcpuExits, vsock, refusedRequests }: VmmMetrics): string[] {
  const lines = disks.map(
    ({ name, reads, readBytes, writes, writtenBytes }) =>
      `disk ${name}: ${mib(readBytes / 1024)} read in ${reads} requests, ${mib(writtenBytes / 1024)} written in ${writes}\n`,
  );
  if (vcpuExits)
    lines.push(`CPU exits: ${vcpuExits.io} for I/O ports, ${vcpuExits.mmio} for devices' memory\n`);
  if (vsock) {
    const [to, from] = [mib(vsock.toGuestBytes / 1024), mib(vsock.fromGuestBytes / 1024)];
    lines.push(`vsock: ${to} to the guest, ${from} from it, ${vsock.connections} connections\n`);
  }
  if (refusedRequests) lines.push(`requests refused by the VMM: ${refusedRequests}\n`);
  return lines;
}

/** The guest's word on one container (protocol/agent-protocol.md, `stats`): nothing about it is certain. */
function inGuest(stats: unknown): string {
  const { memory, cpu } = stats as { memory?: { current?: unknown }; cpu?: { usageUs?: unknown } };
  const memoryKib = Number(memory?.current) / 1024;
  return `${mib(memoryKib)}, ${(Number(cpu?.usageUs) / 1000).toFixed(0)} ms of CPU time in the guest`;
}

function mib(kib: number): string {
  return `${(kib / 1024).toFixed(1)} MiB`;
}
