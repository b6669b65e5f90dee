import { readFileSync } from "node:fs";
import { processStats, type ProcessStats } from "../host/process-stats.ts";
import type { VmmMetrics } from "../vm/vmm-metrics.ts";
import type { Machine } from "./machine.ts";

/** What one VM costs: each of its processes on the host, what its VMM did for it, and what its guest says of itself. */
export interface MachineStats {
  host: { processes: ProcessStats[]; totalPssKib: number; totalCpuMs: number };
  vmm: VmmMetrics;
  guest: unknown;
  containers: Record<string, unknown>;
}

/** The agent's numbers are the guest's word; those of the host are measured. */
export async function machineStats(machine: Machine): Promise<MachineStats> {
  const guest = machine.running();
  const roles: [string, number | undefined][] = [
    ["monitor", process.pid],
    ["VMM", guest.vm.pid],
  ];
  for (const pid of childrenOf(process.pid)) {
    if (pid === guest.vm.pid) continue;
    // diod is the child of one that waits for it.
    for (const server of [pid, ...childrenOf(pid)]) roles.push(["share server", server]);
  }
  const processes = roles.flatMap(([role, pid]) =>
    pid === undefined ? [] : (processStats(role, pid) ?? []),
  );
  const containers: Record<string, unknown> = {};
  for (const { record } of machine.all()) {
    if (record.status !== "stopped") containers[record.id] = await guest.agent.stats(record.id);
  }
  const sum = (of: (row: ProcessStats) => number): number =>
    processes.reduce((total, row) => total + of(row), 0);
  return {
    host: { processes, totalPssKib: sum((row) => row.pssKib), totalCpuMs: sum((row) => row.cpuMs) },
    vmm: await guest.vm.metrics(),
    guest: await guest.agent.metrics(),
    containers,
  };
}

/** proc(5), /proc/PID/task/TID/children */
function childrenOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
    return text.split(" ").filter(Boolean).map(Number);
  } catch {
    return []; // a kernel without CONFIG_PROC_CHILDREN
  }
}
