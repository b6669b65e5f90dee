import { closeSync } from "node:fs";
import type { BoundedLog } from "../host/bounded-log.ts";
import { traced } from "../trace/channels.ts";
import { descriptorPath, DiskCache } from "./disk-cache.ts";
import { chooseFormat, type DiskFormat } from "./disk-format.ts";
import { toolObstacle } from "./disk-tools.ts";
import type { KernelImage } from "./kernel.ts";
import { TreeChanged, TreeImages } from "./tree-images.ts";

/** A file that a VMM gives its guest as a disk. */
export interface Disk {
  path: string;
  readOnly: boolean;
}

export interface RootDisksRequest {
  /** The folder whose content the disk gets. */
  rootfs: string;
  want: DiskFormat | "auto";
  kernel: Pick<KernelImage, "lacks">;
  /** The guest must be able to write, if only to make mount points. */
  writable: boolean;
  /** Folders of guest images, beside which the disk images are kept; undefined: the usual ones. */
  imageDirs?: readonly string[] | undefined;
  log: BoundedLog;
}

/** A tree that was written to while it was copied gets another chance: that may have been the end of it. */
const MAX_ATTEMPTS = 2;

/**
 * The disks of one container's root file system, held open here as long as its VM runs. What is written to is a file without a name: it is gone when
 * this process and the VMM are, however they end.
 */
export class RootDisks {
  readonly format: DiskFormat;
  /** In the order in which the guest must find them: the image, then the disk for what is written over a read-only one. */
  readonly disks: readonly Disk[];
  private readonly fds: number[];

  private constructor(format: DiskFormat, held: readonly Held[]) {
    this.format = format;
    this.disks = held.map(({ fd, readOnly }) => ({ path: descriptorPath(fd), readOnly }));
    this.fds = held.map(({ fd }) => fd);
  }

  /**
   * Finds the image of this very tree, or makes it.
   * @throws UNSUPPORTED when no format fits, HOST when a tool fails or the tree does not hold still.
   */
  static make(request: RootDisksRequest): Promise<RootDisks> {
    const notes = { why: "the guest has its root file system on a disk of its own", what: request.rootfs };
    return traced("monitor", "get the root file system's disks", notes, async () => {
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await RootDisks.attempt(request);
        } catch (error) {
          if (!(error instanceof TreeChanged) || attempt === MAX_ATTEMPTS) throw error;
        }
      }
    });
  }

  private static async attempt({ rootfs, want, kernel, writable, imageDirs, log }: RootDisksRequest) {
    const images = await TreeImages.of(rootfs, new DiskCache(imageDirs), log);
    const format = chooseFormat(want, kernel, images.scan, (kind) =>
      images.isCached(kind) ? undefined : toolObstacle(kind),
    );
    const held: Held[] = [];
    try {
      if (format === "erofs") held.push({ fd: await images.open("erofs"), readOnly: true });
      if (format === "ext4") held.push({ fd: await images.copy("ext4"), readOnly: false });
      else if (writable) held.push({ fd: await images.copy("upper"), readOnly: false });
      return new RootDisks(format, held);
    } catch (error) {
      for (const { fd } of held) closeSync(fd);
      throw error;
    }
  }

  close(): void {
    for (const fd of this.fds.splice(0)) closeSync(fd);
  }
}

interface Held {
  fd: number;
  readOnly: boolean;
}
