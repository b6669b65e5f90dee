import { statSync } from "node:fs";
import { dirname } from "node:path";
import { NkError } from "../base/errors.ts";
import { reasonOf } from "../base/system-error.ts";
import { writeFileAtomic } from "./atomic-write.ts";

/** Called before anything is started: the pid file is written as the last step, which is too late for an error. @throws BAD_CONFIG */
export function checkPidFile(path: string): void {
  const folder = dirname(path);
  const problem = whyNotInto(folder, path);
  if (problem === undefined) return;
  throw new NkError("BAD_CONFIG", `--pid-file ${path}: ${problem}: name a file in a folder that exists`);
}

function whyNotInto(folder: string, path: string): string | undefined {
  try {
    if (!statSync(folder).isDirectory()) return `${folder} is not a folder`;
  } catch (error) {
    return `${folder}: ${reasonOf(error)}`;
  }
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true ? "it is a folder" : undefined;
}

/** A pid file as runc writes it: decimal, no newline, complete as soon as it can be seen. */
export function writePidFile(path: string, pid: number): void {
  writeFileAtomic(path, String(pid), 0o644);
}
