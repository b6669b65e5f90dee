import { NkError } from "../base/errors.ts";
import type { MachineStatus } from "../state/machine-record.ts";
import { MachineStore } from "../state/machine-store.ts";
import { checkId } from "../state/paths.ts";
import type { ContainerRecord, Status, VmRecord } from "../state/record.ts";
import type { StateStore } from "../state/store.ts";
import { refreshMachine } from "./refresh.ts";

/** A VM as the vm- commands show it, whoever made it. */
export interface MachineView {
  id: string;
  status: MachineStatus;
  /** `vm-create`: made by hand; `container`: made for the container whose id it has. */
  madeBy: "vm-create" | "container";
  pid: number;
  created: string;
  owner: string;
  bundle?: string;
  vm: VmRecord;
  containers: { id: string; status: Status }[];
  error?: unknown;
}

/** How a container's status looks from outside: its VM runs as soon as the container is there, and while it is frozen. */
const OF_CONTAINER: Record<Status, MachineStatus> = {
  creating: "starting",
  created: "running",
  running: "running",
  paused: "running",
  stopped: "stopped",
};

/** Containers whose record cannot be used are named by `list`, and have no VM that could be shown. */
const IGNORE_DAMAGED = (): void => {};

/** Brings a container's record up to date; given by the caller, who may load what that needs. */
export type RefreshContainer = (record: ContainerRecord) => Promise<ContainerRecord>;

/** All VMs, sorted by id. */
export async function listMachines(store: StateStore, refresh: RefreshContainer): Promise<MachineView[]> {
  const containers = await Promise.all(
    store
      .list(IGNORE_DAMAGED)
      .filter(({ mode }) => mode === "vm")
      .map(refresh),
  );
  const byHand = new MachineStore(store).list().map((record): MachineView => {
    const { settings: _settings, pidStartTime: _start, version: _version, ...rest } = refreshMachine(record);
    return { ...rest, madeBy: "vm-create", containers: inside(record.id, containers) };
  });
  const own = containers.flatMap((record) => ofContainer(record, containers) ?? []);
  return [...byHand, ...own].sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** @throws NOT_FOUND, also for a container that has no VM of its own */
export async function findMachine(
  store: StateStore,
  id: string,
  refresh: RefreshContainer,
): Promise<MachineView> {
  checkId(id, "VM");
  const found = (await listMachines(store, refresh)).find((machine) => machine.id === id);
  if (found) return found;
  const sandbox = store.has(id)
    ? store.list(IGNORE_DAMAGED).find((record) => record.id === id)?.vm?.sandbox
    : undefined;
  if (sandbox !== undefined) throw new NkError("NOT_FOUND", `${id} is a container in the VM ${sandbox}`);
  throw new MachineStore(store).missing(id);
}

/** Those that have come to a VM. */
function inside(vmId: string, containers: readonly ContainerRecord[]): MachineView["containers"] {
  return containers.filter(({ vm }) => vm?.sandbox === vmId).map(({ id, status }) => ({ id, status }));
}

function ofContainer(record: ContainerRecord, all: readonly ContainerRecord[]): MachineView | undefined {
  const { id, status, pid, created, owner, vm, error } = record;
  if (!vm || vm.sandbox !== undefined) return undefined;
  const containers = [{ id, status }, ...inside(id, all)];
  return {
    id,
    status: OF_CONTAINER[status],
    madeBy: "container",
    pid,
    created,
    owner,
    vm,
    containers,
    ...(error && { error }),
  };
}
