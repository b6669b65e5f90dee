import { rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Deadline } from "../base/deadline.ts";
import { ControlClient } from "../contract/control-client.ts";
import { membersOf } from "../host/cgroup.ts";
import { removeCgroups } from "../host/cgroup-remove.ts";
import { killProcess } from "../host/process-info.ts";
import { discardPooled } from "../launch/end-pooled.ts";
import { fillLog, POOL_FOLDER, PoolStore, poolKeys, type PoolEntry } from "../state/pool-store.ts";
import { removeWhole } from "../state/remove-whole.ts";
import { poolCgroupPaths } from "./cgroup.ts";
import { removePoolConfig } from "./pool-config.ts";

const STOP_TIMEOUT_MS = 15_000;

/** Ends the VMs of a pool that wait or are on their way; those that containers have are the containers'. */
async function stopPool(root: string, key: string): Promise<void> {
  const pool = new PoolStore(root, key);
  // First: nobody starts another one.
  removePoolConfig(pool.folder);
  for (const entry of pool.entries()) await stopEntry(pool, entry);
  await clearCgroup(pool.folder);
  if (pool.entries().length === 0) removeWhole(pool.folder);
}

/** All of them. */
export async function stopPools(root: string): Promise<void> {
  for (const key of poolKeys(root)) await stopPool(root, key);
  rmSync(fillLog(root), { force: true });
  try {
    rmdirSync(join(root, POOL_FOLDER));
  } catch {
    // Containers still have VMs of a pool, or there was none.
  }
}

/** Ends a VM of a pool, if nobody has it. */
async function stopEntry(pool: PoolStore, entry: PoolEntry): Promise<void> {
  if (!pool.withdraw(entry)) return;
  const { folder, state } = entry;
  if (state === "waiting") await askToEnd(folder);
  discardPooled(folder);
}

async function askToEnd(folder: string): Promise<void> {
  const client = new ControlClient(join(folder, "control.sock"));
  const stop = async (): Promise<void> => {
    await client.request("POST", "/stop");
    await client.gone();
  };
  try {
    await Deadline.after(STOP_TIMEOUT_MS).race(stop(), "the end of a VM that waits");
  } catch {
    // It is killed next.
  } finally {
    client.close();
  }
}

/** What was still being started is known by its cgroup alone, and so is who was starting it. */
async function clearCgroup(folder: string): Promise<void> {
  const paths = poolCgroupPaths(folder);
  for (const pid of paths.flatMap(membersOf)) if (pid !== process.pid) killProcess(pid);
  await removeCgroups(paths, folder);
}
