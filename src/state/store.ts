import { existsSync, mkdirSync, readdirSync, renameSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { asNkError, NkError } from "../base/errors.ts";
import { reasonOf } from "../base/system-error.ts";
import { writeFileAtomic } from "./atomic-write.ts";
import { isAbandoned, isTemporary, ownName, writeClaim } from "./claim.ts";
import { POOL_FOLDER } from "./pool-store.ts";
import { removeStateFolder } from "./image-bundle.ts";
import { checkId, commandHint, stateDirOf } from "./paths.ts";
import { checkRecord } from "./check-record.ts";
import { readIfThere } from "./read-if-there.ts";
import type { ContainerRecord } from "./record.ts";

const RECORD_FILE = "state.json";

/** What a rename says when there is something else in the place. */
const TAKEN = ["ENOTEMPTY", "EEXIST", "ENOTDIR"];

/** The containers below one `--root`. The folder of a container is the claim on its id; it holds a record as soon as it can be seen. */
export class StateStore {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  /** The state folder of `id`, whether it exists or not. */
  dirOf(id: string): string {
    checkId(id);
    return stateDirOf(this.root, id);
  }

  /** @throws EXISTS when the id is taken already: `claim` would fail. */
  checkFree(id: string): void {
    if (this.has(id)) throw this.taken(id);
  }

  /** Makes the folder that `claim` will use, under a name of this process's own. Until then `discard` removes it. */
  prepare(): string {
    const dir = join(this.root, `~new-${ownName()}`);
    makeFolder(this.root);
    try {
      mkdirSync(dir, { mode: 0o700 });
      writeClaim(dir);
    } catch (error) {
      this.discard(dir);
      throw noState(dir, error);
    }
    return dir;
  }

  discard(prepared: string): void {
    removeStateFolder(prepared);
  }

  /** Takes the id, for one caller only, with its first record. `remove` gives it back. */
  claim(prepared: string, record: ContainerRecord): void {
    writeRecord(prepared, record);
    this.claimWith(prepared, record.id);
  }

  /** Takes the id with what is in the prepared folder: the record of a VM made by hand, say. */
  claimWith(prepared: string, id: string): void {
    try {
      renameSync(prepared, this.dirOf(id));
    } catch (error) {
      throw TAKEN.includes((error as NodeJS.ErrnoException).code ?? "") ? this.taken(id) : error;
    }
  }

  private taken(id: string): NkError {
    const isMachine = existsSync(join(this.dirOf(id), "vm.json"));
    const mend = isMachine
      ? `it is a VM: take another ID, or remove it with ${commandHint(this.root, `vm-delete ${id}`)}`
      : `take another ID, look at it with ${commandHint(this.root, `state ${id}`)}, or remove it with ${commandHint(this.root, `delete ${id}`)}`;
    return new NkError("EXISTS", `container with given ID already exists: ${id}: ${mend}`);
  }

  has(id: string): boolean {
    return existsSync(this.dirOf(id));
  }

  read(id: string): ContainerRecord {
    const record = readRecord(this.dirOf(id), id);
    if (record === undefined) throw notFound(id, this.root);
    return record;
  }

  write(record: ContainerRecord): void {
    writeRecord(this.dirOf(record.id), record);
  }

  /** All containers, sorted by id, without those whose record cannot be used: they are told to `onDamaged`. */
  list(onDamaged: (error: NkError) => void): ContainerRecord[] {
    const records: ContainerRecord[] = [];
    for (const name of this.folders()) {
      try {
        const record = this.readFolder(name);
        if (record !== undefined) records.push(record);
      } catch (error) {
        onDamaged(asNkError(error));
      }
    }
    return records.sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** The names of all state folders: those of long ids are not the id. */
  folders(): string[] {
    if (!existsSync(this.root)) return [];
    return readdirSync(this.root, { withFileTypes: true })
      .filter(
        (entry) =>
          entry.isDirectory() &&
          entry.name !== "~host" &&
          entry.name !== POOL_FOLDER &&
          !isTemporary(entry.name),
      )
      .map(({ name }) => name);
  }

  /** The record in a folder of `folders`, if it holds one. */
  readFolder(name: string): ContainerRecord | undefined {
    return readRecord(join(this.root, name), name);
  }

  /** Gives the id back and removes its folder with everything in it. */
  remove(id: string): void {
    const dir = this.dirOf(id);
    // In one step: a crash leaves all of it, or a folder that is known to be garbage.
    const gone = join(this.root, `~gone-${ownName()}-${basename(dir)}`);
    try {
      renameSync(dir, gone);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
    removeStateFolder(gone);
  }

  /** Names of folders that a process was filling or emptying when it was killed. */
  abandoned(): string[] {
    return existsSync(this.root) ? readdirSync(this.root).filter(isAbandoned) : [];
  }

  /** @param onLeft hears of what cannot be removed: it is somebody else's, and no reason to fail */
  removeAbandoned(onLeft: (error: NkError) => void): void {
    for (const name of this.abandoned()) {
      try {
        removeStateFolder(join(this.root, name));
      } catch (error) {
        onLeft(asNkError(error));
      }
    }
  }
}

/** @param dir the state folder; @throws HOST */
export function writeRecord(dir: string, record: ContainerRecord): void {
  writeFileAtomic(join(dir, RECORD_FILE), `${JSON.stringify(record, null, 2)}\n`);
}

/** node's `recursive` never ends below /proc, and names the wrong folder on a read-only file system (Node 20). */
function makeFolder(path: string): void {
  try {
    mkdirSync(path, { mode: 0o711 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST" && statSync(path).isDirectory()) return;
    if (code !== "ENOENT" || existsSync(dirname(path))) throw noState(path, error);
    makeFolder(dirname(path));
    makeFolder(path);
  }
}

function noState(path: string, cause: unknown): NkError {
  const mend = "name a folder that can be written with --root";
  return new NkError("HOST", `cannot make the state folder ${path}: ${reasonOf(cause)}: ${mend}`, { cause });
}

function readRecord(dir: string, id: string): ContainerRecord | undefined {
  const path = join(dir, RECORD_FILE);
  const text = readIfThere(path);
  if (text === undefined) return undefined;
  return checkRecord(text, path, id);
}

function notFound(id: string, root: string): NkError {
  return new NkError(
    "NOT_FOUND",
    `container does not exist: ${id}: ${commandHint(root, "list")} shows those that do`,
  );
}
