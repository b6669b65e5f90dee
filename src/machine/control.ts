import { join } from "node:path";
import { NkError } from "../base/errors.ts";
import { removeCgroups } from "../host/cgroup.ts";
import { isAlive } from "../host/process-info.ts";
import { ControlClient } from "../monitor/control-client.ts";
import { removeVirtiofsFiles } from "../share/virtiofs.ts";
import type { MachineRecord } from "../state/machine-record.ts";
import type { MachineStore } from "../state/machine-store.ts";
import type { StateStore } from "../state/store.ts";
import { traced } from "../trace/channels.ts";
import { isLive } from "./refresh.ts";

const WHY = "it owns the VM: everything that is done to it goes through it";

/** Asks the monitor of a VM. @throws what it throws; NOT_FOUND when none listens */
export function askMonitor(
  store: StateStore,
  id: string,
  method: "GET" | "POST",
  path: string,
  body?: unknown,
): Promise<unknown> {
  const socket = join(store.dirOf(id), "control.sock");
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
  try {
    await client.request("POST", "/stop");
    await client.gone();
  } catch (error) {
    if (!force) throw error;
    endLeftovers(machine);
  } finally {
    client.close();
  }
}

/** Removes a VM and what a killed monitor has left of it. @throws BAD_STATE while it runs or has containers, unless forced */
export async function deleteMachine(
  machines: MachineStore,
  machine: MachineRecord,
  force: boolean,
): Promise<void> {
  const { id } = machine;
  const inside = machines.store.list(() => {}).filter(({ vm }) => vm?.machine === id);
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
  endLeftovers(machine);
  removeVirtiofsFiles(machines.store.dirOf(id));
  for (const container of inside) {
    await removeCgroups(container.vm?.cgroups ?? []);
    machines.store.remove(container.id);
  }
  await removeCgroups(machine.vm.cgroups);
  machines.store.remove(id);
}

/** Each process is known by pid and start time, so a reused pid is left alone. */
function endLeftovers({ pid, pidStartTime, vm }: MachineRecord): void {
  const processes: [number, number][] = [
    [vm.monitorPid, vm.monitorStartTime],
    [vm.vmmPid, vm.vmmStartTime],
    [pid, pidStartTime],
  ];
  for (const [process_, startTime] of processes) {
    if (process_ > 0 && isAlive(process_, startTime)) process.kill(process_, "SIGKILL");
  }
}
