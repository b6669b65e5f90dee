import {
  chmodSync,
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
    this.dir = dir ?? join(writableCacheDir(cacheDirs(imageDirs)), "disks");
    mkdirSync(this.dir, { recursive: true, mode: 0o700 });
  }

  has(name: string): boolean {
    return statSync(join(this.dir, name), { throwIfNoEntry: false }) !== undefined;
  }

  /** A descriptor of the image, and notes that it was used; undefined when there is none. */
  open(name: string): number | undefined {
    try {
      const fd = openSync(join(this.dir, name), "r");
      const now = new Date();
      futimesSync(fd, now, now);
      return fd;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  }

  /**
   * Makes a file and returns a descriptor of it, for reading and writing.
   * @param write makes it, at the path that it is given; the folder is its own
   * @param name under which others find it; undefined: it goes with its last descriptor
   */
  async make(write: (path: string) => Promise<void>, name: string | undefined): Promise<number> {
    this.prune();
    const folder = mkdtempSync(join(this.dir, `build-${process.pid}-${processStartTime(process.pid) ?? 0}-`));
    try {
      const path = join(folder, "image");
      await write(path);
      // The content of a root file system may be secret.
      chmodSync(path, 0o600);
      const fd = openSync(path, "r+");
      if (name !== undefined) renameSync(path, join(this.dir, name));
      return fd;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  /**
   * Removes what killed processes left half made, what was not used for a month, and the least recently used beyond the cache's size. Every
   * `make` begins with it, so with every container.
   */
  prune(): void {
    const images: { path: string; usedMs: number; bytes: number }[] = [];
    for (const name of readdirSync(this.dir)) {
      const path = join(this.dir, name);
      const stat = statSync(path, { throwIfNoEntry: false });
      const builder = BUILD_FOLDER.exec(name);
      if (builder) {
        if (!isAlive(Number(builder[1]), Number(builder[2]))) rmSync(path, { recursive: true, force: true });
      } else if (stat) {
        images.push({ path, usedMs: stat.mtimeMs, bytes: stat.blocks * SECTOR_BYTES });
      }
    }
    images.sort((a, b) => b.usedMs - a.usedMs);
    let bytes = 0;
    for (const [index, image] of images.entries()) {
      bytes += image.bytes;
      const isOld = image.usedMs < Date.now() - MAX_UNUSED_MS;
      if (isOld || (index > 0 && bytes > this.maxBytes)) rmSync(image.path, { force: true });
    }
  }
}

/** A path by which other processes open a descriptor of this one, also of a file without a name. */
export function descriptorPath(fd: number): string {
  return `/proc/${process.pid}/fd/${fd}`;
}
