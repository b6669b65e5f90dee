import { NkError } from "../base/errors.ts";
import { isAlive } from "../host/process-info.ts";
import type { MachineRecord } from "../state/machine-record.ts";

/** Statuses in which a VM has a monitor. */
const LIVE = new Set<MachineRecord["status"]>(["starting", "running", "paused"]);

export function isLive({ status }: MachineRecord): boolean {
  return LIVE.has(status);
}

/** The record as it is now: when its monitor has died, the VM died with it (PR_SET_PDEATHSIG). */
export function refreshMachine(record: MachineRecord): MachineRecord {
  const { id, vm } = record;
  if (!isLive(record) || isAlive(vm.monitorPid, vm.monitorStartTime)) return record;
  const see = `nk-runtime vm-start ${id}, or vm-delete ${id}`;
  const killed =
    record.status === "starting"
      ? "its start was broken off: vm-start or the VM's monitor was killed"
      : "the VM's monitor was killed, and the VM with it";
  const error = new NkError("VMM", killed, { see });
  return { ...record, status: "stopped", pid: 0, error: error.toJson() };
}
