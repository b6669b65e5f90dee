import { mkdirSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { randomBytes } from "../base/random.ts";
import { isAlive } from "../host/process-info.ts";
import { writeFileAtomic } from "./atomic-write.ts";
import { isOwnerAlive, ownName } from "./claim.ts";
import { linkHome } from "./home.ts";
import { readIfThere } from "./read-if-there.ts";
import type { ProcessId, VmRecord } from "./record.ts";

/** Beside the state folders. No id begins with "~". */
export const POOL_FOLDER = "~pool";

/** In the folder of a VM that waits. Whoever renames it has the VM: of several that try, one succeeds. */
const WAITING = "waiting";
/** What it is renamed to, by the process that the name tells. */
const TAKEN = /^taken-(\d+)-(\d+)-[0-9a-f]{8}$/;
/** The process that starts the VM. */
const STARTED_BY = /^started-by-(\d+)-(\d+)$/;

const RECORD_FILE = "sandbox.json";

/** A VM of a pool as its monitor has written it down: all that a container needs to know to live in it. */
export interface PooledVm {
  version: 1;
  holder: ProcessId;
  vm: VmRecord;
}

/** A folder of a pool, as it is now. `lost`: nobody starts it or waits in it, and nobody has taken it. */
export interface PoolEntry {
  folder: string;
  state: "starting" | "waiting" | "taken" | "lost";
  /** Of one that is taken: the name of the file that says so. */
  token?: string;
}

/** The VMs of one pool: of one shape, below one `--root`. */
export class PoolStore {
  readonly folder: string;

  /** @param key of the shape */
  constructor(root: string, key: string) {
    this.folder = join(root, POOL_FOLDER, key);
  }

  /** A new folder for a VM that this process is about to start. */
  add(): string {
    const folder = join(this.folder, randomBytes(4).toString("hex"));
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(join(folder, `started-by-${ownName()}`), "", { mode: 0o600 });
    return folder;
  }

  entries(): PoolEntry[] {
    return this.folders().map(entryOf);
  }

  private folders(): string[] {
    return namesIn(this.folder)
      .filter((name) => /^[0-9a-f]{8}$/.test(name))
      .map((name) => join(this.folder, name));
  }

  /**
   * Takes a VM that waits for the container of a state folder. Nobody else gets that VM.
   * @returns its folder; undefined: none waits
   */
  take(stateDir: string): string | undefined {
    for (const folder of this.folders()) {
      if (entryOf(folder).state !== "waiting") continue;
      const token = join(folder, `taken-${ownName()}-${randomBytes(4).toString("hex")}`);
      linkHome(stateDir, token);
      if (rename(join(folder, WAITING), token)) return folder;
    }
    return undefined;
  }

  /** Takes a VM that is to be ended, so that nobody else gets it. @returns false when somebody has */
  withdraw({ folder, state }: PoolEntry): boolean {
    if (state !== "waiting") return state !== "taken";
    return rename(join(folder, WAITING), join(folder, `taken-${ownName()}-00000000`));
  }
}

/** What the last process that filled pools in the background had to say: nothing, unless it failed. */
export function fillLog(root: string): string {
  return join(root, POOL_FOLDER, "fill.log");
}

/** The keys of all pools below a root. */
export function poolKeys(root: string): string[] {
  return namesIn(join(root, POOL_FOLDER)).filter((name) => /^[0-9a-f]+$/.test(name));
}

/** Says that a VM waits. For its monitor, once. */
export function announce(folder: string, record: PooledVm): void {
  writeFileAtomic(join(folder, RECORD_FILE), `${JSON.stringify(record, null, 2)}\n`);
  writeFileSync(join(folder, WAITING), "", { mode: 0o600 });
}

/** @throws what JSON.parse does: only monitors write it */
export function readPooled(folder: string): PooledVm | undefined {
  const text = readIfThere(join(folder, RECORD_FILE));
  return text === undefined ? undefined : (JSON.parse(text) as PooledVm);
}

function entryOf(folder: string): PoolEntry {
  const names = namesIn(folder);
  const token = names.find((name) => TAKEN.test(name));
  if (token !== undefined) return { folder, state: "taken", token };
  if (!names.includes(WAITING))
    return { folder, state: names.some((name) => isOwnerAlive(STARTED_BY.exec(name))) ? "starting" : "lost" };
  const monitor = readPooled(folder)?.vm;
  const isThere = monitor !== undefined && isAlive(monitor.monitorPid, monitor.monitorStartTime);
  return { folder, state: isThere ? "waiting" : "lost" };
}

/** Whether the process still runs that took a VM. */
export function isTakerAlive(token: string): boolean {
  return isOwnerAlive(TAKEN.exec(token));
}

function rename(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch {
    return false;
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
