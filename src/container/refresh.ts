import { NkError } from "../base/errors.ts";
import { isAlive, processStartTime } from "../host/process-info.ts";
import type { ContainerRecord, Status } from "../state/record.ts";
import type { StateStore } from "../state/store.ts";

// Loads neither child_process nor the VM's part: `state` is called often, and by callers that wait.

/** The record of a VM's container as it is now: when its monitor has died the VM died with it (PR_SET_PDEATHSIG), and the shadow too. */
export function refreshVm(container: ContainerRecord): ContainerRecord {
  const { vm, status, id } = container;
  const isKnown = vm !== undefined && vm.monitorPid !== 0 && status !== "stopped";
  if (!isKnown || isAlive(vm.monitorPid, vm.monitorStartTime)) return container;
  const see = `nk-runtime delete ${id}`;
  const error = new NkError("VMM", "the container's monitor was killed, and its VM with it", { see });
  return { ...container, status: "stopped", pid: 0, error: error.toJson() };
}

/**
 * The record of a container in container mode, with status and pid as they are now. Everything but an exit happens through us, so
 * what is recorded is right unless its process has ended.
 */
export async function refreshHost(store: StateStore, container: ContainerRecord): Promise<ContainerRecord> {
  const { status, pid, pidStartTime } = container;
  if (status === "stopped") return container;
  if (status === "creating") return askRuntime(store, container);
  return isAlive(pid, pidStartTime) ? container : { ...container, status: "stopped", pid: 0 };
}

/** A `run` in the foreground cannot record the pid while it waits: only the runtime knows it. */
async function askRuntime(store: StateStore, container: ContainerRecord): Promise<ContainerRecord> {
  const { host, id } = container;
  if (!host) return container;
  const { runQuietly } = await import("./host-command.ts");
  const why = "a run in the foreground has not recorded the status";
  try {
    const text = await runQuietly({ host, args: ["state", id], stateDir: store.dirOf(id), why });
    const { status, pid } = JSON.parse(text) as { status: Status; pid: number };
    return { ...container, status, pid, pidStartTime: processStartTime(pid) ?? 0 };
  } catch {
    return container;
  }
}
