import { discardPooled } from "../launch/end-pooled.ts";
import { garbageFile, type Garbage } from "../state/garbage.ts";
import { isHomeOf } from "../state/home.ts";
import { isTakerAlive, PoolStore, poolKeys, type PoolEntry } from "../state/pool-store.ts";
import type { StateStore } from "../state/store.ts";
import { join } from "node:path";

/** VMs of pools that nobody can get any more: lost, or taken by a command that was killed before its container had them. */
export function poolGarbage(store: StateStore): Garbage[] {
  const stateDirs = store.folders().map((name) => join(store.root, name));
  return poolKeys(store.root)
    .flatMap((key) => new PoolStore(store.root, key).entries())
    .flatMap((entry) => {
      const reason = reasonOf(entry, stateDirs);
      return reason === undefined
        ? []
        : [{ ...garbageFile("folder", entry.folder, reason), remove: () => remove(entry) }];
    });
}

function reasonOf({ state, token = "" }: PoolEntry, stateDirs: readonly string[]): string | undefined {
  if (state === "lost") return "a VM of a pool that was killed";
  if (state !== "taken" || isTakerAlive(token) || stateDirs.some((dir) => isHomeOf(dir, token)))
    return undefined;
  return "a VM of a pool, taken by a command that was killed";
}

async function remove({ folder }: PoolEntry): Promise<boolean> {
  discardPooled(folder);
  return true;
}
