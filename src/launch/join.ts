import { randomBytes } from "node:crypto";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { NkError } from "../base/errors.ts";
import type { CgroupFolders } from "../host/cgroup.ts";
import { isAlive } from "../host/process-info.ts";
import type { RunningMonitor } from "../host/shadow-plan.ts";
import { detachTree } from "../host/shadow-tree.ts";
import { encodeRequest, type ContainerJob } from "../contract/job.ts";
import { joinedShare } from "../oci/guest-mounts.ts";
import { TREE_FOLDER, type MachineRecord } from "../state/machine-record.ts";
import { MachineStore } from "../state/machine-store.ts";
import { commandHint } from "../state/paths.ts";
import type { ContainerRecord } from "../state/record.ts";
import type { StateStore } from "../state/store.ts";
import { traced } from "../trace/channels.ts";
import type { CreateRequest } from "./create-request.ts";

/** A VM made by hand that runs, as the home of one more container. */
export interface Home {
  machine: MachineRecord;
  stateDir: string;
}

const WHY = "its shadow's files are mounted in the VM's tree, and the VM's monitor makes it";

/** @throws NOT_FOUND, BAD_STATE when the VM does not run */
export function findHome(store: StateStore, id: string): Home {
  const machines = new MachineStore(store);
  if (!machines.has(id) && store.has(id))
    throw new NkError(
      "BAD_STATE",
      `${id} is a container, whose VM takes no others: make a VM for several with vm-create`,
    );
  const machine = machines.read(id);
  const alive = isAlive(machine.vm.monitorPid, machine.vm.monitorStartTime);
  const status = alive || machine.status === "created" ? machine.status : "stopped";
  if (status === "running") return { machine, stateDir: store.dirOf(id) };
  const mend = status === "paused" ? "vm-resume" : "vm-start";
  throw new NkError(
    "BAD_STATE",
    `the VM ${id} is ${status}: use ${commandHint(store.root, `${mend} ${id}`)} first`,
  );
}

export function recordIn({ machine }: Home, request: CreateRequest, cgroups: CgroupFolders): ContainerRecord {
  const { made, joined } = cgroups;
  return {
    ...request.record,
    vm: { ...machine.vm, machine: machine.id, cgroups: made, joinedCgroups: joined },
  };
}

/**
 * Lets `start` make the shadow of a container that asks the VM's monitor for it. The folder where its files are mounted is the
 * monitor's from then on.
 * @param job the container, given where the guest sees its files
 */
export async function joinMachine<T>(
  { machine, stateDir }: Home,
  job: (share: string) => ContainerJob,
  start: (monitor: RunningMonitor) => Promise<T>,
): Promise<T> {
  // A name that the guest has never looked up, so that nothing it remembers can be about another container.
  const folder = `c-${randomBytes(6).toString("hex")}`;
  const path = join(stateDir, TREE_FOLDER, folder);
  mkdirSync(path);
  const monitor: RunningMonitor = {
    control: join(stateDir, "control.sock"),
    endpoint: "/containers",
    request: encodeRequest({ job: job(joinedShare(folder)), folder }),
    attachTo: machine.pid,
    folder,
  };
  try {
    return await traced("cli", `make the container in the VM ${machine.id}`, { why: WHY }, () =>
      start(monitor),
    );
  } catch (error) {
    // The monitor has done it already, unless it was never asked.
    await detachTree(machine.pid, folder).catch(() => {});
    rmSync(path, { recursive: true, force: true });
    throw error;
  }
}
