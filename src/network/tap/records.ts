import { rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { NkError } from "../../base/errors.ts";
import { isObject } from "../../base/json.ts";
import { writeFileAtomic } from "../../state/atomic-write.ts";
import { readIfThere } from "../../state/read-if-there.ts";
import { filesIn } from "./folder.ts";
import type { Lease } from "./lease.ts";

/** What we know of a bridge of ours. In its folder as bridge.json. */
export interface BridgeRecord {
  subnet: string;
  subnet6?: string;
  /** Drawn when it is made: it tells our bridge from another of that name. */
  mac: string;
}

/** A file of /proc/sys and what it had before us. */
export interface SysctlValue {
  path: string;
  value: string;
}

const LEASE = /^lease-\d+\.json$/;

/** @throws DAMAGED */
export function readLeases(folder: string): Lease[] {
  return filesIn(folder)
    .filter((name) => LEASE.test(name))
    .map((name) => read(join(folder, name)) as unknown as Lease | undefined)
    .filter((lease) => lease !== undefined);
}

export function writeLease(folder: string, lease: Lease): void {
  write(leasePath(folder, lease), lease);
}

export function removeLease(folder: string, lease: Lease): void {
  rmSync(leasePath(folder, lease), { force: true });
}

function leasePath(folder: string, { number }: Lease): string {
  return join(folder, `lease-${number}.json`);
}

/** @throws DAMAGED */
export function readBridge(folder: string): BridgeRecord | undefined {
  return read(join(folder, "bridge.json")) as unknown as BridgeRecord | undefined;
}

export function writeBridge(folder: string, record: BridgeRecord): void {
  write(join(folder, "bridge.json"), record);
}

/** What the host had before, in the order in which it is put back. @param folder of the namespace @throws DAMAGED */
export function readBefore(folder: string): SysctlValue[] {
  const record = read(hostPath(folder));
  return record === undefined ? [] : (record["sysctls"] as SysctlValue[]);
}

export function writeBefore(folder: string, sysctls: readonly SysctlValue[]): void {
  write(hostPath(folder), { sysctls });
}

function hostPath(folder: string): string {
  return join(folder, ".host.json");
}

function read(path: string): Record<string, unknown> | undefined {
  const text = readIfThere(path);
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value)) return value;
  } catch {
    // It is told below.
  }
  throw new NkError(
    "DAMAGED",
    `${path}: expected a JSON object, as nk-runtime wrote it: when no VM is on the bridge, remove the folder ${dirname(path)}`,
  );
}

function write(path: string, content: object): void {
  writeFileAtomic(path, `${JSON.stringify(content, null, 2)}\n`);
}
