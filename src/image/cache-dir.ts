import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
} from "node:fs";
import { rename, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, dirname, join } from "node:path";
import { NkError } from "../base/errors.ts";

const DAY_MS = 24 * 3600 * 1000;
/** What was not used for so long is made anew when it is needed again: old kernels must not fill the disk. */
const MAX_AGE_MS = 30 * DAY_MS;
/** Files of a cache, also unfinished ones. The folder may hold more than ours. */
const PREPARED = /^(?:vmlinux|initrd|image)-[0-9a-f]{20}(?:\.cpio|\.json)?(?:\.\d+\.new)?$/;

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

/** Whether a file is one of a cache: its name changes with what it was made of, and its time is that of its last use. */
export function isPrepared(path: string): boolean {
  return PREPARED.test(basename(path));
}

/** Keeps files of a cache from getting stale. Once a day is often enough, and costs nothing the rest of it. */
export function markUsed(paths: readonly string[]): void {
  const now = new Date();
  for (const path of paths) {
    try {
      if (isPrepared(path) && ageMs(path) > DAY_MS) utimesSync(path, now, now);
    } catch {
      // Not ours to write: whoever prepared it for all users keeps it.
    }
  }
}

/** The files of a cache that nobody has used for a month. */
export function staleFiles(dir: string): string[] {
  if (!existsSync(dir)) return [];
  const files = readdirSync(dir).filter((name) => PREPARED.test(name));
  return files.map((name) => join(dir, name)).filter((path) => ageMs(path) > MAX_AGE_MS);
}

export function pruneCache(dir: string): void {
  for (const path of staleFiles(dir)) rmSync(path, { force: true });
}

/** Since the file was last used or made; 0 when it has gone. */
function ageMs(path: string): number {
  return Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
}
