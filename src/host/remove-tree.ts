import { lstatSync } from "node:fs";
import { basename, dirname } from "node:path";
import { NkError } from "../base/errors.ts";
import { printableLine } from "../base/printable.ts";
import { shadowPath } from "./paths.ts";

/**
 * Removes a file, or a folder with all that is in it, which a container has written and others may still write to. node goes by path: it is led
 * elsewhere by a folder that is exchanged for a link meanwhile, and fails where paths get longer than 4096 bytes. `nk-shadow remove` does
 * neither. What is mounted in it is left, and is an error. The folder that `path` is in must be ours.
 * @throws HOST with the name of what could not be removed
 */
export function removeTree(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return;
  // It takes 3 ms to load, in each command that never comes here.
  const { spawnSync } = process.getBuiltinModule("node:child_process");
  const { status, stderr, error } = spawnSync(shadowPath(), ["remove", dirname(path), basename(path)], {
    encoding: "utf8",
  });
  if (status === 0) return;
  const reason = error?.message ?? printableLine(stderr.trim());
  throw new NkError("HOST", `cannot remove ${path}: ${reason}`);
}
