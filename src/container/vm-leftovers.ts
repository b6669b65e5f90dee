import { isAlive } from "../host/process-info.ts";
import { removeVirtiofsFiles } from "../share/virtiofs.ts";
import type { ContainerRecord } from "../state/record.ts";

/**
 * Ends what is left of a container whose monitor did not: each process is known by pid and start time, so a reused pid is left alone.
 * Those that were never written down are in the container's cgroup and end with it.
 */
export function endLeftovers(container: ContainerRecord, stateDir: string): void {
  const { vm } = container;
  const processes: [number, number][] = [[container.pid, container.pidStartTime]];
  if (vm) processes.unshift([vm.monitorPid, vm.monitorStartTime], [vm.vmmPid, vm.vmmStartTime]);
  for (const [pid, startTime] of processes) {
    if (pid > 0 && isAlive(pid, startTime)) process.kill(pid, "SIGKILL");
  }
  // The one file of a killed monitor that is outside of the state folder.
  removeVirtiofsFiles(stateDir);
}
