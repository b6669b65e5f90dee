import { closeSync, realpathSync } from "node:fs";
import { NkError } from "../base/errors.ts";
import { descriptorPath, type DiskCache, type DiskFile } from "./disk-cache.ts";
import { makeErofs, makeExt4, makeUpper } from "./disk-build.ts";
import { copySparse, type ToolRun } from "./disk-tools.ts";
import { scanTree, type TreeScan } from "./tree-scan.ts";

/** `upper`: an ext4 file system that takes what is written over an erofs one. */
export type ImageKind = "ext4" | "erofs" | "upper";

/** Raise it when images are made in another way: older ones are then not used any more. */
const IMAGE_VERSION = 2;

/** How long after a change another one may bear the same time: a tick of the kernel, 10 ms at most, with a margin … */
const TICK_NS = 100_000_000n;
/** … and on file systems that keep whole seconds (ext3, HFS+) or even ones (FAT). */
const COARSE_TICK_NS = 2_000_000_000n;
const SECOND_NS = 1_000_000_000n;

/** The folder was written to while its image was made. */
export class TreeChanged extends NkError {}

/** The images of one folder as it is now: found in the cache by the folder's key, or made. */
export class TreeImages {
  readonly scan: TreeScan;
  private readonly rootfs: string;
  private readonly cache: DiskCache;
  private readonly run: ToolRun;
  private readonly scannedNs: bigint;

  private constructor(rootfs: string, cache: DiskCache, run: ToolRun, scan: TreeScan, scannedNs: bigint) {
    this.rootfs = rootfs;
    this.cache = cache;
    this.run = run;
    this.scan = scan;
    this.scannedNs = scannedNs;
  }

  /** @param path of the folder, or of a link to it */
  static async of(path: string, cache: DiskCache, run: ToolRun): Promise<TreeImages> {
    // A link would be looked at instead of the folder, and it does not change when the folder does.
    const rootfs = realpathSync(path);
    const scannedNs = BigInt(Date.now()) * 1_000_000n;
    return new TreeImages(rootfs, cache, run, await scanTree(rootfs), scannedNs);
  }

  isCached(kind: ImageKind): boolean {
    return this.cache.has(this.name(kind));
  }

  /** The image, for reading only: others use it too. @throws TreeChanged */
  async open(kind: ImageKind): Promise<DiskFile> {
    const name = this.name(kind);
    const cached = this.cache.open(name);
    if (cached !== undefined) return cached;
    return this.cache.make(
      async (path) => {
        await this.makers[kind](path);
        await this.checkUnchanged();
      },
      this.isSettled() ? name : undefined,
    );
  }

  /** A copy of the image that is the caller's alone. @throws TreeChanged */
  async copy(kind: ImageKind): Promise<DiskFile> {
    const image = await this.open(kind);
    try {
      return await this.cache.make((path) => copySparse(descriptorPath(image.fd), path, this.run), undefined);
    } finally {
      image.forget();
      closeSync(image.fd);
    }
  }

  private readonly makers: Record<ImageKind, (path: string) => Promise<void>> = {
    ext4: (path) => makeExt4(this.rootfs, path, this.scan, this.run),
    erofs: (path) => makeErofs(this.rootfs, path, this.run),
    upper: (path) => makeUpper(this.rootfs, path, this.run),
  };

  private name(kind: ImageKind): string {
    return `${IMAGE_VERSION}-${this.scan.key}.${kind}`;
  }

  private async checkUnchanged(): Promise<void> {
    const { key } = await scanTree(this.rootfs);
    if (key === this.scan.key) return;
    throw new TreeChanged(
      "HOST",
      `the root file system ${this.rootfs} was written to while its disk image was made: expected it to hold still`,
      { phase: "make the disk image", see: "--vm-share=virtiofs or 9p shows a folder that changes" },
    );
  }

  /**
   * Whether every later change must give the folder another key. A file that was changed a moment ago can be changed again within the
   * same tick of the kernel's clock, and its times stay as they are.
   */
  private isSettled(): boolean {
    const { newestChangeNs } = this.scan;
    const tickNs = newestChangeNs % SECOND_NS === 0n ? COARSE_TICK_NS : TICK_NS;
    return newestChangeNs + tickNs < this.scannedNs;
  }
}
