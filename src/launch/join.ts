import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { NkError } from "../base/errors.ts";
import { encodeRequest } from "../contract/job.ts";
import { isAlive } from "../host/process-info.ts";
import type { RunningMonitor } from "../host/shadow-plan.ts";
import { detachTree } from "../host/shadow-tree.ts";
import { TREE_FOLDER, type MachineRecord } from "../state/machine-record.ts";
import { MachineStore } from "../state/machine-store.ts";
import { commandHint } from "../state/paths.ts";
import type { StateStore } from "../state/store.ts";
import { traced } from "../trace/channels.ts";
import type { Joining } from "./container-plan.ts";

/** The sandbox that a container is to live in. */
export interface Home {
  /** Of the sandbox. */
  stateDir: string;
  /** The process that has its tree. */
  holderPid: number;
}

const WHY = "the shadow's files are mounted in the sandbox's tree, and its monitor makes the container";

/** A VM made by hand that runs. @throws NOT_FOUND, BAD_STATE when it does not */
export function findMachine(store: StateStore, id: string): MachineRecord {
  const machines = new MachineStore(store);
  if (!machines.has(id) && store.has(id))
    throw new NkError(
      "BAD_STATE",
      `${id} is a container, whose VM takes no others: make a VM for several with vm-create`,
    );
  const machine = machines.read(id);
  const alive = isAlive(machine.vm.monitorPid, machine.vm.monitorStartTime);
  const status = alive || machine.status === "created" ? machine.status : "stopped";
  if (status === "running") return machine;
  const mend = status === "paused" ? "vm-resume" : "vm-start";
  throw new NkError(
    "BAD_STATE",
    `the VM ${id} is ${status}: use ${commandHint(store.root, `${mend} ${id}`)} first`,
  );
}

/**
 * Lets `start` make the shadow of a container that asks a sandbox's monitor for it. The folder where its files are mounted is the
 * monitor's from then on.
 */
export async function joinSandbox<T>(
  { stateDir, holderPid }: Home,
  { folder, job }: Joining,
  start: (monitor: RunningMonitor) => Promise<T>,
): Promise<T> {
  const path = join(stateDir, TREE_FOLDER, folder);
  mkdirSync(path);
  const monitor: RunningMonitor = {
    control: join(stateDir, "control.sock"),
    endpoint: "/containers",
    request: encodeRequest({ job, folder }),
    attachTo: holderPid,
    folder,
  };
  try {
    return await traced(
      "cli",
      "join the sandbox",
      { why: WHY, what: `POST /containers on ${monitor.control}` },
      () => start(monitor),
    );
  } catch (error) {
    // The monitor has done it already, unless it was never asked.
    await detachTree(holderPid, folder).catch(() => {});
    rmSync(path, { recursive: true, force: true });
    throw error;
  }
}
