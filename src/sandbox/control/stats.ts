import { childrenOf } from "../../host/process-info.ts";
import type { MachineStats } from "../../contract/machine-stats.ts";
import { processStats, type ProcessStats } from "../../host/process-stats.ts";
import type { ControlTarget } from "./target.ts";

/** The agent's numbers are the guest's word; those of the host are measured. */
export async function sandboxStats(target: ControlTarget): Promise<MachineStats> {
  const guest = target.microvm.running();
  const vmm = guest.vm.pid ?? 0;
  const roles: [string, number][] = [
    ["monitor", process.pid],
    ["VMM", vmm],
  ];
  for (const pid of childrenOf(process.pid)) {
    // What has a root of its own is the child of one that waits for it.
    const family = [pid, ...childrenOf(pid)];
    const role = family.includes(vmm) ? "VMM" : "share server";
    for (const member of family) if (member !== vmm) roles.push([role, member]);
  }
  const processes = roles.flatMap(([role, pid]) => processStats(role, pid) ?? []);
  const containers: Record<string, unknown> = {};
  for (const { record } of target.members.all()) {
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
