import { join } from "node:path";
import { Deadline } from "../base/deadline.ts";
import { NkError } from "../base/errors.ts";
import { removeCgroups } from "../host/cgroup-remove.ts";
import { killIfAlive } from "../host/process-info.ts";
import { ControlClient } from "../contract/control-client.ts";
import { loadNetworkKind } from "../network/kinds.ts";
import { homeDir } from "../state/home.ts";
import type { MachineRecord } from "../state/machine-record.ts";
import type { ContainerRecord } from "../state/record.ts";
import type { MachineStore } from "../state/machine-store.ts";
import type { StateStore } from "../state/store.ts";
import { traced } from "../trace/channels.ts";
import { isLive } from "./refresh.ts";

/** Longer than the monitor's own deadlines for the guest, so that its errors arrive, which know more. */
const STOP_TIMEOUT_MS = 90_000;
/** A VM that does not end in this time is killed, when that was asked for. */
const FORCED_STOP_TIMEOUT_MS = 10_000;

const STOP_WHY = "its containers are killed, the guest writes back what it holds, then it is switched off";
const WHY = "it owns the VM: everything that is done to it goes through it";

/** Asks the monitor of a VM. @throws what it throws; NOT_FOUND when none listens */
export function askMonitor(
  store: StateStore,
  id: string,
  method: "GET" | "POST",
  path: string,
  body?: unknown,
): Promise<unknown> {
  const socket = join(homeDir(store.dirOf(id)), "control.sock");
  const what = `${method} ${path} on ${socket}`;
  return traced("cli", "ask the monitor", { why: WHY, what }, async () => {
    const client = new ControlClient(socket);
    try {
      return await client.request(method, path, body);
    } finally {
      client.close();
    }
  });
}

/** Ends a VM and all in it; resolves when its monitor has ended. With `force` also one that does not answer. */
export async function stopMachine(
  machines: MachineStore,
  machine: MachineRecord,
  force: boolean,
): Promise<void> {
  const client = new ControlClient(join(machines.store.dirOf(machine.id), "control.sock"));
  const stop = async (): Promise<void> => {
    await client.request("POST", "/stop");
    await client.gone();
  };
  const deadline = Deadline.after(force ? FORCED_STOP_TIMEOUT_MS : STOP_TIMEOUT_MS);
  try {
    await traced("cli", "ask for the end of the VM", { why: STOP_WHY, what: "POST /stop" }, () =>
      deadline.race(stop(), `the end of the VM ${machine.id}`),
    );
  } catch (error) {
    if (!force) throw error;
    endLeftovers(machine);
  } finally {
    client.close();
  }
}

/** Removes one container that has ended; given by the caller, who may load what that needs. */
export type RemoveContainer = (store: StateStore, container: ContainerRecord) => Promise<void>;

/** Removes a VM and what a killed monitor has left of it. @throws BAD_STATE while it runs or has containers, unless forced */
export async function deleteMachine(
  machines: MachineStore,
  machine: MachineRecord,
  force: boolean,
  removeContainer: RemoveContainer,
): Promise<void> {
  const { id } = machine;
  const inside = machines.store.list(() => {}).filter(({ vm }) => vm?.sandbox === id);
  if (!force && isLive(machine)) {
    throw new NkError(
      "BAD_STATE",
      `cannot delete the VM ${id} that is ${machine.status}: vm-stop it first, or use --force`,
    );
  }
  if (!force && inside.length > 0) {
    const names = inside.map((container) => container.id).join(", ");
    throw new NkError(
      "BAD_STATE",
      `cannot delete the VM ${id}: it still has the containers ${names}: delete them first, or use --force`,
    );
  }
  if (isLive(machine)) await stopMachine(machines, machine, true);
  for (const container of inside) await removeContainer(machines.store, container);
  await removeRemains(machine, machines.store.dirOf(id));
  machines.store.remove(id);
}

/** Ends and removes what a killed monitor has left of a VM, outside of its record. */
export async function removeRemains(machine: MachineRecord, stateDir: string): Promise<void> {
  endLeftovers(machine);
  await removeCgroups(machine.vm.cgroups, stateDir);
  const { network } = machine.vm;
  if (network) await (await loadNetworkKind(network.kind)).release(network);
}

/** Each process is known by pid and start time, so a reused pid is left alone. */
function endLeftovers({ pid, pidStartTime, vm }: MachineRecord): void {
  const processes: [number, number][] = [
    [vm.monitorPid, vm.monitorStartTime],
    [vm.vmmPid, vm.vmmStartTime],
    [pid, pidStartTime],
  ];
  for (const [process_, startTime] of processes) {
    killIfAlive(process_, startTime);
  }
}
