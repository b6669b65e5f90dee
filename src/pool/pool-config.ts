import { mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseJsonObject } from "../base/json.ts";
import type { Settings } from "../oci/settings.ts";
import { writeFileAtomic } from "../state/atomic-write.ts";
import { ownName, writeClaim } from "../state/claim.ts";
import { readIfThere } from "../state/read-if-there.ts";

const FILE = "pool.json";

/** What a pool is to be, in its folder. Without it nothing is started any more. */
export interface PoolConfig {
  version: 1;
  /** How many VMs wait. */
  size: number;
  settings: Settings;
}

/** @throws HOST */
export function writePoolConfig(folder: string, config: PoolConfig): void {
  writeFileAtomic(join(folder, FILE), `${JSON.stringify(config, null, 2)}\n`);
}

/** @throws BAD_CONFIG for a file that is no JSON */
export function readPoolConfig(folder: string): PoolConfig | undefined {
  const path = join(folder, FILE);
  const text = readIfThere(path);
  return text === undefined ? undefined : (parseJsonObject(text, path) as unknown as PoolConfig);
}

export function removePoolConfig(folder: string): void {
  rmSync(join(folder, FILE), { force: true });
}

/** Makes the folder of a pool, with the claim by which it is filled by one process at a time, unless it is there. */
export function makePool(folder: string): void {
  const prepared = join(dirname(folder), `~new-${ownName()}`);
  mkdirSync(prepared, { recursive: true, mode: 0o700 });
  writeClaim(prepared);
  try {
    renameSync(prepared, folder);
  } catch (error) {
    rmSync(prepared, { recursive: true, force: true });
    if (!["ENOTEMPTY", "EEXIST"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
}

/** Lets others fill it (state/claim.ts, `hold`). */
export function leavePool(folder: string): void {
  renameSync(join(folder, `claim-${ownName()}`), join(folder, "claim-0-0"));
}
