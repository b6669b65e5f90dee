import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { encodeRequest } from "../contract/job.ts";
import type { RunningMonitor } from "../host/shadow-plan.ts";
import { detachTree } from "../host/shadow-tree.ts";
import type { SharedNamespace } from "../oci/shared-namespaces.ts";
import { TREE_FOLDER } from "../state/machine-record.ts";
import type { VmRecord } from "../state/record.ts";
import { traced } from "../trace/channels.ts";
import type { Joining } from "./container-plan.ts";

/** The sandbox that a container is to live in. */
export interface Home {
  /** Of the sandbox. */
  stateDir: string;
  /** The process that has its tree. */
  holderPid: number;
}

/** One that runs already. */
export interface RunningSandbox extends Home {
  /** Of the VM made by hand, or of the container that it was made for. */
  id: string;
  vm: VmRecord;
  /** What the container has in common with another one in it, as linux.namespaces of its config.json says. */
  shared: readonly SharedNamespace[];
}

const WHY = "the shadow's files are mounted in the sandbox's tree, and its monitor makes the container";

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
