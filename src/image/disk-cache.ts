import {
  chmodSync,
  existsSync,
  futimesSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { join } from "node:path";
import { isAlive, processStartTime } from "../host/process-info.ts";
import { cacheDirs, writableCacheDir } from "./cache-dir.ts";
import { defaultImageDirs } from "./guest-image.ts";

/** Of all images together, as they lie on the disk. The newest stays in any case. */
const MAX_CACHE_BYTES = 20 * 1024 ** 3;
/** An image that was not used for so long is not worth its room. */
const MAX_UNUSED_MS = 30 * 24 * 3600 * 1000;
const SECTOR_BYTES = 512;
const BUILD_FOLDER = /^build-(\d+)-(\d+)-/;

/** An image, open. */
export interface DiskFile {
  fd: number;
  /** A name of it, for those who cannot take the descriptor: valid until `forget`, unless somebody clears the cache. */
  path: string;
  /** Takes the name off a file that nobody else is to find; it goes with its last descriptor then. Twice is allowed. */
  forget(): void;
}

/**
 * The folder of disk images. An image is made in a folder of its own and appears under its name when it is whole. It is handed out as
 * an open descriptor, so it may be removed at any time: whoever uses it keeps it.
 */
export class DiskCache {
  private readonly dir: string;
  private readonly maxBytes: number;

  /** @param dir NK_DISK_CACHE, else below the folder of the prepared guest images. */
  constructor(
    imageDirs: readonly string[] = defaultImageDirs(),
    dir = process.env["NK_DISK_CACHE"],
    maxBytes = MAX_CACHE_BYTES,
  ) {
    this.maxBytes = maxBytes;
    this.dir = dir ?? diskDir(writableCacheDir(cacheDirs(imageDirs)));
    mkdirSync(this.dir, { recursive: true, mode: 0o700 });
  }

  has(name: string): boolean {
    return statSync(join(this.dir, name), { throwIfNoEntry: false }) !== undefined;
  }

  /** The image, for reading, and notes that it was used; undefined when there is none. */
  open(name: string): DiskFile | undefined {
    const path = join(this.dir, name);
    try {
      const fd = openSync(path, "r");
      const now = new Date();
      futimesSync(fd, now, now);
      return { fd, path, forget: () => {} };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  }

  /**
   * Makes a file and opens it, for reading and writing.
   * @param write makes it, at the path that it is given; the folder is its own
   * @param name under which others find it; undefined: it is for the caller alone
   */
  async make(write: (path: string) => Promise<void>, name: string | undefined): Promise<DiskFile> {
    this.prune();
    const folder = mkdtempSync(join(this.dir, `build-${process.pid}-${processStartTime(process.pid) ?? 0}-`));
    const clear = (): void => {
      process.off("exit", clear);
      rmSync(folder, { recursive: true, force: true });
    };
    // A monitor that is told to give up does not wait for its tools, which the kernel ends with it.
    process.once("exit", clear);
    try {
      const path = join(folder, "image");
      await write(path);
      // The content of a root file system may be secret: the folder is root's alone. A jailed VMM, which gets no other image, reads it.
      chmodSync(path, 0o644);
      const fd = openSync(path, "r+");
      if (name === undefined) return { fd, path, forget: clear };
      renameSync(path, join(this.dir, name));
      clear();
      return { fd, path: join(this.dir, name), forget: () => {} };
    } catch (error) {
      clear();
      throw error;
    }
  }

  /** Every `make` begins with it, so every container with a disk to write on. */
  private prune(): void {
    for (const { path } of staleDisks(this.dir, this.maxBytes))
      rmSync(path, { recursive: true, force: true });
  }
}

/** Something in a folder of images that may go. */
export interface StaleDisk {
  path: string;
  reason: string;
}

/** What killed processes left half made, what was not used for a month, and the least recently used beyond the size of the cache. */
export function staleDisks(dir: string, maxBytes = MAX_CACHE_BYTES): StaleDisk[] {
  if (!existsSync(dir)) return [];
  const names = readdirSync(dir);
  return [...halfMade(dir, names), ...unused(dir, names, maxBytes)];
}

function halfMade(dir: string, names: readonly string[]): StaleDisk[] {
  return names.flatMap((name) => {
    const [, pid, startTime] = BUILD_FOLDER.exec(name) ?? [];
    if (pid === undefined || isAlive(Number(pid), Number(startTime))) return [];
    return [{ path: join(dir, name), reason: "the process that made it was killed" }];
  });
}

function unused(dir: string, names: readonly string[], maxBytes: number): StaleDisk[] {
  const images = names.flatMap((name) => {
    const stat = statSync(join(dir, name), { throwIfNoEntry: false });
    return stat?.isFile() ? [{ path: join(dir, name), stat }] : [];
  });
  images.sort((a, b) => b.stat.mtimeMs - a.stat.mtimeMs);
  let bytes = 0;
  return images.flatMap(({ path, stat }, index) => {
    bytes += stat.blocks * SECTOR_BYTES;
    if (stat.mtimeMs < Date.now() - MAX_UNUSED_MS) return [{ path, reason: "not used for 30 days" }];
    return index > 0 && bytes > maxBytes ? [{ path, reason: "the images take more room than they may" }] : [];
  });
}

/** Where images may be: NK_DISK_CACHE, else in the folders of the prepared guest images. */
export function diskDirs(imageDirs: readonly string[] = defaultImageDirs()): string[] {
  const named = process.env["NK_DISK_CACHE"];
  return named === undefined ? cacheDirs(imageDirs).map(diskDir) : [named];
}

function diskDir(cacheDir: string): string {
  return join(cacheDir, "disks");
}

/** A path by which other processes open a descriptor of this one, also of a file without a name. */
export function descriptorPath(fd: number): string {
  return `/proc/${process.pid}/fd/${fd}`;
}
