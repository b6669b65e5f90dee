import { accessSync, constants, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { rename, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { NkError } from "../base/errors.ts";

/** What was made this long ago is made anew when it is needed again: old kernels must not fill the disk. */
const MAX_AGE_MS = 30 * 24 * 3600 * 1000;

/** Folders for prepared images, best first: beside the image, system-wide, the user's own. */
export function cacheDirs(imageDirs: readonly string[]): string[] {
  const own = process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache");
  return [
    ...imageDirs.map((dir) => join(dir, "cache")),
    "/var/lib/nano-sandbox/vm/cache",
    join(own, "nano-sandbox"),
  ];
}

/** The first of `dirs` that can be written, made when its parent exists. */
export function writableCacheDir(dirs: readonly string[]): string {
  for (const [index, dir] of dirs.entries()) {
    try {
      // Only the last resort may make its parents: an image folder that is not there must not come to be.
      const isLast = index === dirs.length - 1;
      if (!isLast) accessSync(dirname(dir), constants.W_OK);
      mkdirSync(dir, { recursive: true, mode: isLast ? 0o700 : 0o755 });
      accessSync(dir, constants.W_OK);
      return dir;
    } catch {
      // the next one
    }
  }
  throw new NkError("HOST", `no folder for prepared guest images can be written: tried ${dirs.join(", ")}`);
}

/** Writes a file that others see whole or not at all. */
export async function writeWhole(path: string, data: Uint8Array | string): Promise<void> {
  const temporary = `${path}.${process.pid}.new`;
  try {
    await writeFile(temporary, data);
    await rename(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

export function pruneCache(dir: string): void {
  const oldestMs = Date.now() - MAX_AGE_MS;
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(dir, entry.name);
    const mtimeMs = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Infinity;
    if (mtimeMs < oldestMs) rmSync(path, { force: true });
  }
}
