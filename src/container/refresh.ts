import { NkError } from "../base/errors.ts";
import { explainOom, hadOom } from "../host/cgroup-oom.ts";
import { isAlive, processStartTime } from "../host/process-info.ts";
import type { ContainerRecord, ProcessId, Status } from "../state/record.ts";
import type { StateStore } from "../state/store.ts";

// Loads neither child_process nor the VM's part: `state` is called often, and by callers that wait.

/** As `refreshVm`; one that is just ending is waited for, so that its status and its pid say the same. */
export async function refreshVmSettled(
  store: StateStore,
  container: ContainerRecord,
): Promise<ContainerRecord> {
  const isLost = container.status !== "stopped" && loss(container) !== undefined;
  const isSettling = isLost || container.status === "stopped" ? hasShadow(container) : isEnding(container);
  if (!isSettling) return refreshVm(container);
  const { settledEnd } = await import("./settled-end.ts");
  return refreshVm(await settledEnd(store, container, isLost));
}

/**
 * The record of a VM's container as it is now: who was killed could not write it down. As long as its shadow lives it has not stopped: callers look at that
 * pid, and a signal to it must not be refused.
 */
export function refreshVm(container: ContainerRecord): ContainerRecord {
  if (container.status === "stopped")
    return hasShadow(container) ? { ...container, status: "running" } : withCreatorLost(container);
  const error = loss(container);
  if (error !== undefined) return withLoss(container, error);
  return isEnding(container) && !hasShadow(container)
    ? { ...container, status: "stopped", pid: 0 }
    : container;
}

function hasShadow({ pid, pidStartTime }: ContainerRecord): boolean {
  return isAlive(pid, pidStartTime);
}

function withLoss(container: ContainerRecord, error: NkError): ContainerRecord {
  const cgroups = container.vm?.cgroups ?? [];
  const oom = hadOom(cgroups) && { oomKilled: true };
  return { ...container, status: "stopped", pid: 0, error: explainOom(error, cgroups).toJson(), ...oom };
}

/** A monitor that nobody waited for has ended the container, and left it for whoever cleans up. */
function withCreatorLost(container: ContainerRecord): ContainerRecord {
  const { id, creator, error } = container;
  if (!creator || error || isRunning(creator)) return container;
  return { ...container, error: creatorLost(id, creator).toJson() };
}

/**
 * Who was killed that the container cannot do without: its creator until it is created, then its monitor, with which VM and shadow end.
 * A monitor that has lost the creator gives up, and one whose creator lives is missed by that.
 */
function loss({ id, status, vm, creator }: ContainerRecord): NkError | undefined {
  if (status === "creating") return creator && !isRunning(creator) ? creatorLost(id, creator) : undefined;
  if (vm === undefined || isAlive(vm.monitorPid, vm.monitorStartTime)) return undefined;
  return lost(id, `the container's monitor (process ${vm.monitorPid}) was killed`);
}

function creatorLost(id: string, { pid }: ProcessId): NkError {
  return lost(id, `the command that was creating the container (process ${pid}) was killed`);
}

function lost(id: string, message: string): NkError {
  return new NkError("VMM", message, { see: `nk-runtime delete ${id}` });
}

/** The monitor has still to notice, or to write down, that the VM or the shadow has ended. */
function isEnding({ pid, pidStartTime, vm }: ContainerRecord): boolean {
  const ended = (known: number, startTime: number): boolean => known !== 0 && !isAlive(known, startTime);
  return ended(pid, pidStartTime) || (vm !== undefined && ended(vm.vmmPid, vm.vmmStartTime));
}

function isRunning({ pid, startTime }: ProcessId): boolean {
  return isAlive(pid, startTime);
}

/**
 * The record of a container in container mode, with status and pid as they are now. Everything but an exit happens through us, so
 * what is recorded is right unless its process has ended.
 */
export async function refreshHost(store: StateStore, container: ContainerRecord): Promise<ContainerRecord> {
  const { status, pid, pidStartTime } = container;
  if (status === "stopped") return container;
  if (status === "creating") return (await askRuntime(store, container)) ?? unborn(container);
  return isAlive(pid, pidStartTime) ? container : { ...container, status: "stopped", pid: 0 };
}

/** What the runtime knows of a container whose record says "creating": a `run` in the foreground cannot record the pid while it waits. */
async function askRuntime(
  store: StateStore,
  container: ContainerRecord,
): Promise<ContainerRecord | undefined> {
  const { host, id } = container;
  if (!host) return undefined;
  const { runQuietly } = await import("./host-command.ts");
  const why = "a run in the foreground has not recorded the status";
  try {
    const text = await runQuietly({ host, args: ["state", id], stateDir: store.dirOf(id), why });
    const { status, pid } = JSON.parse(text) as { status: Status; pid: number };
    return { ...container, status, pid, pidStartTime: processStartTime(pid) ?? 0 };
  } catch {
    return undefined;
  }
}

/** A container that the runtime does not know: being created, or never finished. */
function unborn(container: ContainerRecord): ContainerRecord {
  const { id, creator } = container;
  if (creator === undefined || isRunning(creator)) return container;
  return { ...container, status: "stopped", error: creatorLost(id, creator).toJson() };
}
