import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { NkError } from "../base/errors.ts";
import { parseJsonObject } from "../base/json.ts";
import { writeFileAtomic } from "./atomic-write.ts";
import { isTemporary } from "./claim.ts";
import { readIfThere } from "./read-if-there.ts";
import type { MachineRecord } from "./machine-record.ts";
import { checkId, commandHint } from "./paths.ts";
import type { StateStore } from "./store.ts";

const RECORD_FILE = "vm.json";

/** The VMs made by hand below one `--root`. They share the ids of its containers: `store` claims and removes them. */
export class MachineStore {
  readonly store: StateStore;

  constructor(store: StateStore) {
    this.store = store;
  }

  /** @throws NOT_FOUND */
  read(id: string): MachineRecord {
    const record = readRecord(this.pathOf(id));
    if (record !== undefined) return record;
    throw this.missing(id);
  }

  missing(id: string): NkError {
    const { root } = this.store;
    return new NkError(
      "NOT_FOUND",
      `VM does not exist: ${id}: ${commandHint(root, "vm-list")} shows those that do`,
    );
  }

  has(id: string): boolean {
    return existsSync(this.pathOf(id));
  }

  /** @throws EXISTS when a container or VM has the id. */
  checkFree(id: string): void {
    checkId(id, "VM");
    this.store.checkFree(id);
  }

  private pathOf(id: string): string {
    checkId(id, "VM");
    return join(this.store.dirOf(id), RECORD_FILE);
  }

  /** Takes the id with its first record and what else is in the prepared folder (`StateStore.prepare`). @throws EXISTS */
  claim(prepared: string, record: MachineRecord): void {
    writeRecord(prepared, record);
    this.store.claimWith(prepared, record.id);
  }

  write(record: MachineRecord): void {
    writeRecord(this.store.dirOf(record.id), record);
  }

  /** All of them, sorted by id. */
  list(): MachineRecord[] {
    const { root } = this.store;
    if (!existsSync(root)) return [];
    return readdirSync(root, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !isTemporary(entry.name))
      .map((entry) => readRecord(join(root, entry.name, RECORD_FILE)))
      .filter((record) => record !== undefined)
      .sort((a, b) => (a.id < b.id ? -1 : 1));
  }
}

function writeRecord(dir: string, record: MachineRecord): void {
  writeFileAtomic(join(dir, RECORD_FILE), `${JSON.stringify(record, null, 2)}\n`);
}

function readRecord(path: string): MachineRecord | undefined {
  const text = readIfThere(path);
  if (text === undefined) return undefined;
  const value = parseJsonObject(text, path);
  if (value["version"] === 1) return value as unknown as MachineRecord;
  const found = JSON.stringify(value["version"]) ?? "none";
  throw new NkError("DAMAGED", `${path}: expected state version 1, found ${found}`);
}
