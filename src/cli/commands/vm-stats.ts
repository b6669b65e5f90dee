import { isObject } from "../../base/json.ts";
import { askMonitor } from "../../machine/control.ts";
import type { MachineStats } from "../../contract/machine-stats.ts";
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
  const { memTotalKib, memAvailableKib, load1 } = membersOf(guest);
  const load = said(load1, (value) => value.toFixed(2));
  const inside = `guest: ${said(memAvailableKib, mib)} of ${said(memTotalKib, mib)} available, load ${load}`;
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
  const { memory, cpu } = membersOf(stats);
  const used = said(membersOf(memory)["current"], (bytes) => mib(bytes / 1024));
  const cpuTime = said(membersOf(cpu)["usageUs"], (us) => `${(us / 1000).toFixed(0)} ms`);
  return `${used}, ${cpuTime} of CPU time in the guest`;
}

const membersOf = (value: unknown): Record<string, unknown> => (isObject(value) ? value : {});

/** A number of the guest's, which may say anything or nothing. */
function said(value: unknown, format: (value: number) => string): string {
  return typeof value === "number" && value >= 0 && Number.isFinite(value) ? format(value) : "unknown";
}

function mib(kib: number): string {
  return `${(kib / 1024).toFixed(1)} MiB`;
}
