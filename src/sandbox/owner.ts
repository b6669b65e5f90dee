import { join } from "node:path";
import type { GuestMountRequest } from "../agent/agent-client.ts";
import type { NkError } from "../base/errors.ts";
import type { OwnedHome } from "../contract/job.ts";
import { applyLimits, type LimitOrder } from "../host/cgroup-limits.ts";
import { processStartTime } from "../host/process-info.ts";
import { GUEST_SHARE, volumePath } from "../oci/guest-mounts.ts";
import type { MachineRecord, MachineStatus } from "../state/machine-record.ts";
import { MachineStore } from "../state/machine-store.ts";
import type { NetworkRecord } from "../state/network-record.ts";
import type { ContainerRecord, VmRecord } from "../state/record.ts";
import type { StateStore } from "../state/store.ts";
import type { Holder } from "./holder.ts";

/** Where the guest sees the bundle of `vm-create --bundle` (/mnt/bundle). */
const GUEST_BUNDLE = "/run/nk/bundle";

/** Whose a sandbox is: where it is written down what is known of its VM. Each change is on disk before it is answered. */
export interface Owner {
  /** What was chosen for the VM; the sandbox fills it in. */
  readonly vm: VmRecord;
  /** @throws HOST */
  setStatus(status: MachineStatus): void;
  /** What its network is about to have of the host. @throws HOST */
  journal(network: NetworkRecord): void;
  /** Why the VM ended, when nobody asked for it; told by the next status. */
  lost(error: NkError): void;
  /** What is mounted in the guest before a container comes. */
  mounts(): readonly GuestMountRequest[];
  /** A container is there, and its boot is over. @throws HOST */
  containerMade(): Promise<void>;
  /** The record, as it is now. */
  describe(containers: readonly ContainerRecord[]): unknown;
}

export function ownerOf(home: OwnedHome, store: StateStore, holder: Holder): Owner {
  const owner =
    "machine" in home
      ? new MadeByHand(home.machine, new MachineStore(store), holder)
      : new OneContainer(home.container, home.cpuLimits, store);
  owner.vm.holder = { pid: holder.pid, startTime: processStartTime(holder.pid) ?? 0 };
  owner.vm.monitorPid = process.pid;
  owner.vm.monitorStartTime = processStartTime(process.pid) ?? 0;
  return owner;
}

/** `vm-create`: the VM has a record of its own. */
class MadeByHand implements Owner {
  private readonly record: MachineRecord;
  private readonly machines: MachineStore;

  constructor(machine: MachineRecord, machines: MachineStore, { pid }: Holder) {
    this.record = { ...machine, pid, pidStartTime: processStartTime(pid) ?? 0 };
    delete this.record.error;
    this.machines = machines;
  }

  get vm(): VmRecord {
    return this.record.vm;
  }

  setStatus(status: MachineStatus): void {
    this.record.status = status;
    if (status === "stopped") this.record.pid = 0;
    this.machines.write(this.record);
  }

  journal(network: NetworkRecord): void {
    this.vm.network = network;
    this.machines.write(this.record);
  }

  lost(error: NkError): void {
    this.record.error = error.toJson();
  }

  /** The volumes of `bundleVolumes` (src/machine/bundle-folder.ts). */
  mounts(): readonly GuestMountRequest[] {
    const { bundle, bundleRoot } = this.record;
    if (bundle === undefined) return [];
    const targets = [GUEST_BUNDLE, ...(bundleRoot === undefined ? [] : [join(GUEST_BUNDLE, bundleRoot)])];
    return targets.map((target, number) => {
      const source = `${GUEST_SHARE}${volumePath(number)}`;
      return { target, fstype: "bind", source, options: "" };
    });
  }

  async containerMade(): Promise<void> {}

  describe(containers: readonly ContainerRecord[]): unknown {
    return { ...this.record, containers };
  }
}

/** The VM of one container is a part of that container's record, which the container writes itself as soon as it has joined. */
class OneContainer implements Owner {
  private readonly record: ContainerRecord;
  private readonly cpuLimits: readonly LimitOrder[];
  private readonly store: StateStore;
  readonly vm: VmRecord;

  constructor(
    record: ContainerRecord & { vm: VmRecord },
    cpuLimits: readonly LimitOrder[],
    store: StateStore,
  ) {
    this.record = record;
    this.vm = record.vm;
    this.cpuLimits = cpuLimits;
    this.store = store;
  }

  setStatus(status: MachineStatus): void {
    if (status === "starting") this.store.write(this.record);
  }

  /** Its container has the same record of the VM, and has joined: it writes. */
  journal(network: NetworkRecord): void {
    this.vm.network = network;
  }

  lost(): void {}

  mounts(): readonly GuestMountRequest[] {
    return [];
  }

  /** Not before: with a tenth of a CPU a boot takes ten times as long. */
  containerMade(): Promise<void> {
    return applyLimits(this.cpuLimits);
  }

  describe(containers: readonly ContainerRecord[]): unknown {
    return containers.find(({ id }) => id === this.record.id) ?? this.record;
  }
}
