import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { NkError } from "../base/errors.ts";
import { parseJsonObject } from "../base/json.ts";
import { writeFileAtomic } from "./atomic-write.ts";
import { checkId, stateDirOf } from "./paths.ts";
import type { ContainerRecord } from "./record.ts";

const RECORD_FILE = "state.json";

/** The containers below one `--root`. The folder of a container is the claim on its id. */
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

  /** Takes the id, for one caller only, and returns its new state folder. `remove` gives it back. */
  claim(id: string): string {
    const dir = this.dirOf(id);
    mkdirSync(this.root, { recursive: true, mode: 0o711 });
    try {
      mkdirSync(dir, { mode: 0o700 });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      throw new NkError(
        "EXISTS",
        `container with given ID already exists: ${id}: take another ID, or remove it with "nk-runtime delete ${id}"`,
      );
    }
    return dir;
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
    writeFileAtomic(join(this.dirOf(record.id), RECORD_FILE), `${JSON.stringify(record, null, 2)}\n`);
  }

  /** All containers, sorted by id. Ids that are claimed but have no record yet are left out. */
  list(): ContainerRecord[] {
    if (!existsSync(this.root)) return [];
    return readdirSync(this.root, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && entry.name !== "~host")
      .map((entry) => readRecord(join(this.root, entry.name), entry.name))
      .filter((record) => record !== undefined)
      .sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** Gives the id back and removes its folder with everything in it. */
  remove(id: string): void {
    rmSync(this.dirOf(id), { recursive: true, force: true });
  }
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
