import { killIfAlive } from "../host/process-info.ts";
import { readPooled } from "../state/pool-store.ts";
import { removeWhole } from "../state/remove-whole.ts";

/** SIGKILL to the processes of a VM of a pool, as far as they have been written down; those that are not named end with them. @param folder of the VM */
export function endPooled(folder: string): void {
  const pooled = readPooled(folder);
  if (!pooled) return;
  const { holder, vm } = pooled;
  killIfAlive(vm.monitorPid, vm.monitorStartTime);
  killIfAlive(vm.vmmPid, vm.vmmStartTime);
  killIfAlive(holder.pid, holder.startTime);
}

/** The same, and nothing of the VM is left. */
export function discardPooled(folder: string): void {
  endPooled(folder);
  removeWhole(folder);
}
