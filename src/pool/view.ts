import { PoolStore, poolKeys, type PoolEntry } from "../state/pool-store.ts";
import { readPoolConfig } from "./pool-config.ts";

/** A pool as `vm-pool status` shows it. */
export interface PoolView {
  key: string;
  /** How many are to wait; 0: the pool is stopped, and containers still have VMs of it. */
  size: number;
  waiting: number;
  starting: number;
  taken: number;
  lost: number;
  vcpus?: number;
  memSizeMib?: number;
}

export function listPools(root: string): PoolView[] {
  return poolKeys(root).map((key) => {
    const pool = new PoolStore(root, key);
    const config = readPoolConfig(pool.folder);
    const entries = pool.entries();
    const count = (state: PoolEntry["state"]): number =>
      entries.filter((entry) => entry.state === state).length;
    return {
      key,
      size: config?.size ?? 0,
      waiting: count("waiting"),
      starting: count("starting"),
      taken: count("taken"),
      lost: count("lost"),
      ...(config && { vcpus: config.settings.vcpus, memSizeMib: config.settings.memSizeMib }),
    };
  });
}
