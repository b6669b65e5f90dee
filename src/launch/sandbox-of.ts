import { NkError } from "../base/errors.ts";
import { isAlive } from "../host/process-info.ts";
import type { OciConfig } from "../oci/config.ts";
import { homeDir } from "../state/home.ts";
import { MachineStore } from "../state/machine-store.ts";
import { commandHint } from "../state/paths.ts";
import type { ContainerRecord } from "../state/record.ts";
import type { StateStore } from "../state/store.ts";
import { warnings } from "../trace/channels.ts";
import type { RunningSandbox } from "./join.ts";
import { takesOthers } from "./wish.ts";

/** The sandbox of `create --vm ID`: a VM made by hand, or that of a container. @throws NOT_FOUND, BAD_STATE when it does not run */
export function findSandbox(store: StateStore, id: string, config: OciConfig): RunningSandbox {
  warnOfOtherNetwork(id, config);
  const machines = new MachineStore(store);
  return machines.has(id) || !store.has(id) ? machineSandbox(machines, id) : sandboxOf(store, store.read(id));
}

/** The sandbox that a container is in. @throws BAD_STATE when it takes no other */
export function sandboxOf(store: StateStore, member: ContainerRecord): RunningSandbox {
  const { vm: asMember, id: memberId } = member;
  const owner = asMember?.sandbox;
  const machines = new MachineStore(store);
  if (owner !== undefined && machines.has(owner)) return machineSandbox(machines, owner);
  const { id, status, vm } = owner === undefined ? member : store.read(owner);
  const refusal = (reason: string): NkError =>
    new NkError("BAD_STATE", `the VM of the container ${id} takes no other: ${reason}`);
  if (vm === undefined)
    throw new NkError("BAD_STATE", `the container ${memberId} is in no VM: it has mode container`);
  const isThere = vm.holder !== undefined && isAlive(vm.monitorPid, vm.monitorStartTime);
  if (!isThere || (status !== "created" && status !== "running"))
    throw refusal(`the container is ${isThere ? status : "stopped"}`);
  if (!takesOthers(vm))
    throw refusal(
      "its files are on a disk that was made for it: start it with --vm-share=virtiofs, 9p or 9p-vsock (vm.share)",
    );
  return { id, vm, stateDir: homeDir(store.dirOf(id)), holderPid: vm.holder?.pid ?? 0, shared: [] };
}

/** Who has put interfaces there would look for the container in it. */
function warnOfOtherNetwork(id: string, { linux }: OciConfig): void {
  const path = linux?.namespaces?.find(({ type }) => type === "network")?.path;
  if (path === undefined) return;
  warnings.publish(
    `the container has the network of the VM ${id}, and not what is in the network namespace ${path} of its config.json: a VM of its own takes that over (leave out --vm)`,
  );
}

function machineSandbox(machines: MachineStore, id: string): RunningSandbox {
  const { store } = machines;
  const machine = machines.read(id);
  const alive = isAlive(machine.vm.monitorPid, machine.vm.monitorStartTime);
  const status = alive || machine.status === "created" ? machine.status : "stopped";
  if (status === "running")
    return { id, vm: machine.vm, stateDir: store.dirOf(id), holderPid: machine.pid, shared: [] };
  const mend = status === "paused" ? "vm-resume" : "vm-start";
  throw new NkError(
    "BAD_STATE",
    `the VM ${id} is ${status}: use ${commandHint(store.root, `${mend} ${id}`)} first`,
  );
}
