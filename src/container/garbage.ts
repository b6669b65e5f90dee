import { existsSync } from "node:fs";
import { join } from "node:path";
import { asNkError } from "../base/errors.ts";
import { isAlive } from "../host/process-info.ts";
import { removeTree } from "../host/remove-tree.ts";
import { cacheDirs, staleFiles } from "../image/cache-dir.ts";
import { diskDirs, staleDisks } from "../image/disk-cache.ts";
import { defaultImageDirs } from "../image/guest-image.ts";
import { isHeld, readClaim, takeOver } from "../state/claim.ts";
import { garbageFile, type Garbage } from "../state/garbage.ts";
import { removeStateFolder, strayImageBundles } from "../state/image-bundle.ts";
import type { ContainerRecord } from "../state/record.ts";
import type { StateStore } from "../state/store.ts";
import { loadMode, refresh } from "./modes.ts";

const ABANDONED = "the command that filled or emptied it was killed";

/** All that is left of killed processes below one `--root`, and what was prepared for VMs and not used for a month. */
export async function findGarbage(store: StateStore): Promise<Garbage[]> {
  const containers = await Promise.all(store.folders().map((name) => containerGarbage(store, name)));
  return [
    ...containers.filter((found) => found !== undefined),
    ...store
      .abandoned()
      .map((name) => garbageFile("folder", join(store.root, name), ABANDONED, removeStateFolder)),
    ...strayImageBundles().map((path) => garbageFile("bundle", path, "its container is gone", removeTree)),
    ...cacheDirs(defaultImageDirs())
      .flatMap(staleFiles)
      .map((path) => garbageFile("image", path, "not used for 30 days")),
    ...diskDirs()
      .flatMap((dir) => staleDisks(dir))
      .map(({ path, reason }) => garbageFile("image", path, reason)),
  ];
}

async function containerGarbage(store: StateStore, folder: string): Promise<Garbage | undefined> {
  // Before the record: the claim then belongs to this or an earlier life of the id.
  const dir = join(store.root, folder);
  const claim = readClaim(dir);
  try {
    const record = store.readFolder(folder);
    if (record === undefined || claim === undefined || isHeld(claim)) return undefined;
    const now = await refresh(record, store);
    const reason = whyOwnerless(record, now);
    if (reason === undefined) return undefined;
    const remove = async (): Promise<boolean> => {
      if (!takeOver(dir, claim)) return false;
      await (await loadMode(record.mode, store)).delete(now, true);
      return true;
    };
    return { kind: "container", name: record.id, reason, remove };
  } catch (error) {
    return unreadable(dir, asNkError(error).message);
  }
}

/** Only a human can tell what a damaged record stood for. */
function unreadable(dir: string, reason: string): Garbage {
  const remove = (): Promise<boolean> => Promise.reject(new Error("it may belong to something that runs"));
  return { kind: "container", name: dir, reason, remove };
}

/** Why nobody will call `delete`, as one does for a container that has stopped by itself. */
function whyOwnerless(record: ContainerRecord, now: ContainerRecord): string | undefined {
  if (now.status !== "stopped") return undefined;
  if (now.error !== undefined && wasKilled(record)) return now.error.message;
  // podman whose conmon was killed removes a container without a call of the runtime.
  return existsSync(now.bundle) ? undefined : `it has stopped, and its bundle ${now.bundle} is gone`;
}

/** A container that has ended by the death of its creator or monitor. */
function wasKilled({ vm, status, creator }: ContainerRecord): boolean {
  // The monitor of a VM made by hand goes on without it.
  const hasMonitor =
    vm !== undefined && vm.sandbox === undefined && isAlive(vm.monitorPid, vm.monitorStartTime);
  const stoppedItself = status === "stopped" && creator === undefined;
  return !hasMonitor && !stoppedItself;
}
