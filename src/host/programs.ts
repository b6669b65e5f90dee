import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";

/**
 * The first program of that name in the folders of `path`, then in `others`. Relative folders of a PATH are left out: who calls us from
 * where must not decide what runs as root.
 */
export function findProgram(name: string, path: string, others: readonly string[] = []): string | undefined {
  const folders = path.split(delimiter).filter((folder) => folder.startsWith("/"));
  return [...folders, ...others].map((folder) => join(folder, name)).find(isProgram);
}

/** A file, not a folder, that may be executed. */
export function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
