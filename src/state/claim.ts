import { readdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isAlive, processStartTime } from "../host/process-info.ts";
import type { ProcessId } from "./record.ts";

/**
 * Each state folder holds an empty file whose name says which process took it: `claim-PID-STARTTIME`. One life of an id has one such
 * name at a time, and renaming it is how the folder changes hands: of several that try, one succeeds, and none of them can
 * take a folder that was made after it had looked.
 */
const CLAIM = /^claim-(\d+)-(\d+)$/;

/** Folders that are being filled or emptied, by the process that their name tells. No id begins with "~". */
const TEMPORARY = /^~(?:new|gone)-(\d+)-(\d+)(?:-|$)/;

let self: string | undefined;

/** This process as part of a file name. */
export function ownName(): string {
  self ??= `${process.pid}-${processStartTime(process.pid) ?? 0}`;
  return self;
}

export function thisProcess(): ProcessId {
  return { pid: process.pid, startTime: processStartTime(process.pid) ?? 0 };
}

/** Marks `dir` as taken by this process. */
export function writeClaim(dir: string): void {
  writeFileSync(join(dir, `claim-${ownName()}`), "", { mode: 0o600 });
}

/** The claim on `dir` as it is now, for `takeOver`. */
export function readClaim(dir: string): string | undefined {
  try {
    return readdirSync(dir).find((name) => CLAIM.test(name));
  } catch {
    return undefined;
  }
}

/** Makes this process the owner of `dir`, if `claim` still is what `readClaim` found. */
export function takeOver(dir: string, claim: string): boolean {
  try {
    renameSync(join(dir, claim), join(dir, `claim-${ownName()}`));
    return true;
  } catch {
    return false;
  }
}

/** Takes `dir` for this process, unless another that runs has it. */
export function hold(dir: string): boolean {
  const claim = readClaim(dir);
  if (claim === undefined) return false;
  return claim === `claim-${ownName()}` || (!isHeld(claim) && takeOver(dir, claim));
}

/** Whether the process that took the folder still runs: it is making or removing what is in it. */
export function isHeld(claim: string): boolean {
  return isOwnerAlive(CLAIM.exec(claim));
}

/** Whether the process runs that a name tells. @param match with pid and start time as its groups; null: no such name */
export function isOwnerAlive(match: RegExpExecArray | null): boolean {
  const [, pid, startTime] = match ?? [];
  return pid !== undefined && isAlive(Number(pid), Number(startTime));
}

export function isTemporary(name: string): boolean {
  return TEMPORARY.test(name);
}

/** Whether a temporary folder's process has ended without removing it. */
export function isAbandoned(name: string): boolean {
  return isTemporary(name) && !isOwnerAlive(TEMPORARY.exec(name));
}
