import { removeCgroups } from "../host/cgroup-remove.ts";
import { killIfAlive } from "../host/process-info.ts";
import { loadNetworkKind } from "../network/kinds.ts";
import { takenHome } from "../state/home.ts";
import type { ContainerRecord } from "../state/record.ts";
import { endPooled } from "./end-pooled.ts";

/**
 * Ends and removes what is left of a container outside of its state folder: nothing, unless its monitor was killed. Each process is known by
 * pid and start time, so a reused pid is left alone; those that were never written down are in the container's cgroup, and are
 * known by their environment.
 */
export async function removeLeftovers(container: ContainerRecord, stateDir: string): Promise<void> {
  const { vm } = container;
  const processes: [number, number][] = [[container.pid, container.pidStartTime]];
  // The VM of several containers is not this one's to end.
  if (vm && vm.sandbox === undefined)
    processes.unshift([vm.monitorPid, vm.monitorStartTime], [vm.vmmPid, vm.vmmStartTime]);
  for (const [pid, startTime] of processes) {
    killIfAlive(pid, startTime);
  }
  const home = takenHome(stateDir);
  if (home !== undefined) endPooled(home);
  await removeCgroups(vm?.cgroups ?? [], stateDir, ...(home === undefined ? [] : [home]));
  if (vm?.network && vm.sandbox === undefined)
    await (await loadNetworkKind(vm.network.kind)).release(vm.network);
  if (vm?.scope !== undefined)
    await (await import("../host/systemd-scope.ts")).stopScope(vm.scope, vm.cgroups);
}
