import { killIfAlive } from "../host/process-info.ts";
import type { PooledVm } from "../state/pool-store.ts";

/** SIGKILL to its processes; those that are not named here end with them. */
export function endPooled({ holder, vm }: PooledVm): void {
  killIfAlive(vm.monitorPid, vm.monitorStartTime);
  killIfAlive(vm.vmmPid, vm.vmmStartTime);
  killIfAlive(holder.pid, holder.startTime);
}
