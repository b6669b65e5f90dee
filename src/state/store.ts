import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { NkError } from "../base/errors.ts";
import { parseJsonObject } from "../base/json.ts";
import { writeFileAtomic } from "./atomic-write.ts";
import { isAbandoned, isTemporary, ownName, writeClaim } from "./claim.ts";
import { checkId, stateDirOf } from "./paths.ts";
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
    if (this.has(id)) throw taken(id);
  }

  /** Makes the folder that `claim` will use, under a name of this process's own. Until then `discard` removes it. */
  prepare(): string {
    mkdirSync(this.root, { recursive: true, mode: 0o711 });
    const dir = join(this.root, `~new-${ownName()}`);
    mkdirSync(dir, { mode: 0o700 });
    writeClaim(dir);
    return dir;
  }

  discard(prepared: string): void {
    rmSync(prepared, { recursive: true, force: true });
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
      throw TAKEN.includes((error as NodeJS.ErrnoException).code ?? "") ? taken(id) : error;
    }
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

  /** All containers, sorted by id. */
  list(): ContainerRecord[] {
    if (!existsSync(this.root)) return [];
    return readdirSync(this.root, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && entry.name !== "~host" && !isTemporary(entry.name))
      .map((entry) => readRecord(join(this.root, entry.name), entry.name))
      .filter((record) => record !== undefined)
      .sort((a, b) => (a.id < b.id ? -1 : 1));
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
    rmSync(gone, { recursive: true, force: true });
  }

  /** Names of folders that a process was filling or emptying when it was killed. */
  abandoned(): string[] {
    return existsSync(this.root) ? readdirSync(this.root).filter(isAbandoned) : [];
  }

  removeAbandoned(): void {
    for (const name of this.abandoned()) rmSync(join(this.root, name), { recursive: true, force: true });
  }
}

function writeRecord(dir: string, record: ContainerRecord): void {
  writeFileAtomic(join(dir, RECORD_FILE), `${JSON.stringify(record, null, 2)}\n`);
}

function taken(id: string): NkError {
  return new NkError(
    "EXISTS",
    `container with given ID already exists: ${id}: take another ID, or remove it with "nk-runtime delete ${id}"`,
  );
}

function readRecord(dir: string, id: string): ContainerRecord | undefined {
  const path = join(dir, RECORD_FILE);
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  return checkRecord(text, path, id);
}

function checkRecord(text: string, path: string, id: string): ContainerRecord {
  const remedy = `remove the container with "nk-runtime delete --force ${id}"`;
  let value: Record<string, unknown>;
  try {
    value = parseJsonObject(text, path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new NkError("INTERNAL", `the state of container ${id} is damaged: ${reason}: ${remedy}`, {
      cause: error,
    });
  }
  const record = value as unknown as ContainerRecord;
  if (value["version"] !== 1) {
    const found = JSON.stringify(value["version"]) ?? "none";
    throw new NkError("INTERNAL", `${path}: expected state version 1, found ${found}: ${remedy}`);
  }
  if (typeof record.id !== "string" || typeof record.status !== "string" || typeof record.pid !== "number") {
    throw new NkError("INTERNAL", `${path}: expected id, status and pid of the container: ${remedy}`);
  }
  return record;
}

function notFound(id: string, root: string): NkError {
  return new NkError(
    "NOT_FOUND",
    `container does not exist: ${id}: "nk-runtime --root ${root} list" shows those that do`,
  );
}
