import { once } from "node:events";
import { watch, writeFileSync } from "node:fs";
import { Deadline } from "../base/deadline.ts";
import { NkError } from "../base/errors.ts";
import { makeCgroup, procsFiles } from "../host/cgroup.ts";
import { cardFor, chooseNetwork } from "../launch/network-choice.ts";
import { poolKey } from "../launch/pool-key.ts";
import { startSandbox } from "../launch/sandbox.ts";
import { settleVm } from "../launch/settle-vm.ts";
import type { VmHome } from "../launch/wish.ts";
import { vmRecord } from "../launch/vm-record.ts";
import { foreignDeath } from "../host/process-info.ts";
import { hold, readClaim } from "../state/claim.ts";
import { PoolStore } from "../state/pool-store.ts";
import { removeWhole } from "../state/remove-whole.ts";
import type { Settled } from "../vm/driver.ts";
import { poolCgroup } from "./cgroup.ts";
import { leavePool, readPoolConfig, type PoolConfig } from "./pool-config.ts";

/** Longer than the monitor's own deadline for a boot, so that its error arrives, which knows more. */
const BOOT_TIMEOUT_MS = 240_000;

/** What VMs of a pool have in common: nobody knows their containers yet. What a card is connected to is settled when one is taken. */
async function forAPool(settings: PoolConfig["settings"]): Promise<VmHome> {
  const anybody = { ...settings, publish: [] };
  const card = settings.net === "netns" ? "tap" : cardFor(await chooseNetwork(anybody, { isByHand: true }));
  return { takesMany: true, needsVolumes: true, card };
}

/** The shape that settings come to on this host, as it is now. @throws UNSUPPORTED for a root file system on a disk, which cannot wait */
export async function settleForPool(
  settings: PoolConfig["settings"],
): Promise<{ settled: Settled; key: string }> {
  const settled = await settleVm(settings, await forAPool(settings));
  return { settled, key: poolKey(settled.shape) };
}

/**
 * Starts what a pool lacks, unless another process is filling it.
 * @throws BAD_STATE when the host has changed so that its VMs have another shape; what a monitor throws
 */
export async function fillPool(root: string, key: string): Promise<void> {
  const pool = new PoolStore(root, key);
  // Again: whoever took a VM while we were leaving has found the pool held.
  while (missing(pool) > 0 && hold(pool.folder)) {
    try {
      await startMissing(pool, root, key);
    } finally {
      leavePool(pool.folder);
    }
  }
}

/** The same, and waits for what others start. @throws as `fillPool`, TIMEOUT */
export async function waitUntilFull(root: string, key: string): Promise<void> {
  const pool = new PoolStore(root, key);
  const isBusy = (): boolean => missing(pool) > 0 || pool.entries().some(({ state }) => state === "starting");
  await fillPool(root, key);
  while (isBusy()) {
    await otherFiller(pool.folder);
    await fillPool(root, key);
  }
}

/** Until the process that fills the pool has left it, or has ended. */
async function otherFiller(folder: string): Promise<void> {
  const [, pid, startTime] = /^claim-(\d+)-(\d+)$/.exec(readClaim(folder) ?? "") ?? [];
  const watcher = watch(folder);
  try {
    const left = once(watcher, "change").then(() => true);
    const ended = foreignDeath(Number(pid), Number(startTime), BOOT_TIMEOUT_MS);
    if (await Promise.race([left, ended])) return;
    throw new NkError("TIMEOUT", `the process ${pid ?? "?"} that fills the pool ${folder} does not get on`);
  } finally {
    watcher.close();
  }
}

async function startMissing(pool: PoolStore, root: string, key: string): Promise<void> {
  const config = readPoolConfig(pool.folder);
  if (!config) return;
  const { settled, key: now } = await settleForPool(config.settings);
  if (now !== key)
    throw new NkError(
      "BAD_STATE",
      `the VMs of the pool ${key} have the shape of a guest image or a program that has been replaced: stop the pool, and start it again`,
    );
  const folders = poolCgroup(pool.folder);
  // What starts it may be in the cgroup of a container, with which it would end.
  for (const path of makeCgroup(folders)) writeFileSync(path, String(process.pid));
  while (missing(pool) > 0) await startOne(pool, root, config, settled, procsFiles(folders));
}

/** How many are neither there nor on their way. */
function missing(pool: PoolStore): number {
  const size = readPoolConfig(pool.folder)?.size ?? 0;
  return size - pool.entries().filter(({ state }) => state === "waiting" || state === "starting").length;
}

async function startOne(
  pool: PoolStore,
  root: string,
  { settings }: PoolConfig,
  settled: Settled,
  cgroups: string[],
): Promise<void> {
  const stateDir = pool.add();
  const pooled = vmRecord(settled, settings, { made: [], joined: [] });
  const job = { id: "pool", home: { pooled, root }, settings, settled, needs: [], narrate: false };
  const deadline = Deadline.after(BOOT_TIMEOUT_MS);
  try {
    const { report, end } = await startSandbox({ stateDir, job, mounts: [], cgroups }, deadline);
    await deadline.race(report.ready, "the boot of a VM that is to wait").catch(async (error: unknown) => {
      await end();
      throw error;
    });
  } catch (error) {
    removeWhole(stateDir);
    throw error;
  }
}
