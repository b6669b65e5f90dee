import { readFileSync } from "node:fs";
import { join } from "node:path";
import { NkError } from "../base/errors.ts";

/** Of version 1 and of version 2. */
const FILES = ["memory.oom_control", "memory.events"];

/** Whether the kernel has killed a process in one of these cgroups because its memory limit was reached. */
export function hadOom(folders: readonly string[]): boolean {
  return folders.some((folder) => FILES.some((name) => /^oom_kill [1-9]/m.test(textOf(join(folder, name)))));
}

/** The error of a VM that was lost, with the memory limit for its reason where that is it. */
export function explainOom(error: NkError, folders: readonly string[]): NkError {
  if (!hadOom(folders)) return error;
  const reason =
    "out of memory: the memory limit of its cgroup on the host was reached, and a process of it killed";
  return new NkError(error.code, `${error.message}: ${reason}`, { ...error.toJson(), cause: error });
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
