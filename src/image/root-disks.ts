import { closeSync } from "node:fs";
import { NkError } from "../base/errors.ts";
import type { BoundedLog } from "../host/bounded-log.ts";
import { traced } from "../trace/channels.ts";
import { tellIfSlow } from "../trace/slow.ts";
import { descriptorPath, DiskCache, type DiskFile } from "./disk-cache.ts";
import { chooseFormat, type DiskFormat, type FormatChoice } from "./disk-format.ts";
import { toolObstacle, treeObstacle, type ToolRun } from "./disk-tools.ts";
import type { KernelImage } from "./kernel.ts";
import { TreeChanged, TreeImages } from "./tree-images.ts";
import type { TreeScan } from "./tree-scan.ts";

/** A disk of a VM, which may still be in the making. */
export interface DiskSlot {
  readOnly: boolean;
}

/** A file that a VMM gives its guest as a disk. */
export interface Disk extends DiskSlot {
  /** Of a descriptor of ours: it stays valid. */
  path: string;
  /** A name of the file, for a VMM in a jail, where it can be mounted; valid until the disks are in use (`RootDisks.inUse`). */
  file: string;
}

/** The disks of a VM, in the order in which the guest must find them. When they cannot be made both reject, with the same reason. */
export interface PendingDisks {
  /** How many there will be: known long before they are there. */
  readonly slots: Promise<readonly DiskSlot[]>;
  readonly ready: Promise<readonly Disk[]>;
}

/** Those of a VM that has none. */
export const NO_DISKS: PendingDisks = { slots: Promise.resolve([]), ready: Promise.resolve([]) };

/** The image, then the disk for what is written over a read-only one. */
export interface RootLayout {
  format: DiskFormat;
  slots: readonly DiskSlot[];
}

export interface RootDisksRequest {
  /** The folder whose content the disk gets. */
  rootfs: string;
  want: DiskFormat | "auto";
  kernel: Promise<Pick<KernelImage, "lacks">>;
  /** The guest must be able to write, if only to make mount points. */
  writable: boolean;
  /** Folders of guest images, beside which the disk images are kept; undefined: the usual ones. */
  imageDirs?: readonly string[] | undefined;
  log: BoundedLog;
}

/**
 * The disks of one container's root file system: found or made in the background from the constructor on, then held open here as long as the VM runs. What is
 * written to is a file without a name once it is in use: it is gone when this process and the VMM are, however they end.
 *
 * `layout`, `slots` and `ready` reject with UNSUPPORTED when no format fits, with HOST when a tool fails or the tree does not hold still.
 */
export class RootDisks implements PendingDisks {
  readonly layout: Promise<RootLayout>;
  readonly slots: Promise<readonly DiskSlot[]>;
  readonly ready: Promise<readonly Disk[]>;
  private readonly request: RootDisksRequest;
  private readonly stopping = new AbortController();
  private readonly run: ToolRun;
  private scan: TreeScan | undefined;
  private files: DiskFile[] = [];

  constructor(request: RootDisksRequest) {
    this.request = request;
    this.run = { log: request.log, stop: this.stopping.signal };
    const found = this.look(request.want);
    const layout = found.then(({ format }) => ({ format, slots: slotsOf(format, request.writable) }));
    this.layout = layout;
    this.slots = layout.then(({ slots }) => slots);
    const notes = { why: "the guest has its root file system on a disk of its own", what: request.rootfs };
    this.ready = traced("monitor", "get the root file system's disks", notes, () =>
      tellIfSlow(
        () => this.describe(),
        async () => {
          notes.what = describeChoice(request.rootfs, await found);
          return this.makeAll(await found);
        },
      ),
    );
    for (const promise of [this.layout, this.slots, this.ready]) promise.catch(() => {});
  }

  /** Gives up what is not made yet, and lets the files go. */
  async close(): Promise<void> {
    this.stopping.abort(new NkError("BOOT", "the disk image was given up: its VM has ended"));
    await this.ready.catch(() => {});
    this.inUse();
    for (const { fd } of this.files.splice(0)) closeSync(fd);
  }

  /** The VMM has opened them: what is written to needs no name any more, and goes with this process and the VMM, however they end. */
  inUse(): void {
    for (const file of this.files) file.forget();
  }

  private describe(): string {
    const { rootfs } = this.request;
    if (this.scan === undefined) return `looking at the files of ${rootfs}`;
    const { entries, dataBytes } = this.scan;
    const files = entries.toLocaleString("en-US");
    return `making a disk image of ${rootfs} (${files} files, ${Math.round(dataBytes / 1024 ** 2)} MiB)`;
  }

  private async look(want: DiskFormat | "auto"): Promise<Found> {
    const { rootfs, kernel, imageDirs } = this.request;
    const images = await TreeImages.of(rootfs, new DiskCache(imageDirs), this.run);
    this.scan = images.scan;
    const choice = chooseFormat(want, await kernel, images.scan, (kind) =>
      images.isCached(kind) ? undefined : (toolObstacle(kind) ?? treeObstacle(kind, images.scan)),
    );
    return { images, ...choice };
  }

  /** A tree that was written to while it was copied gets another chance: that may have been the end of it. */
  private async makeAll({ images, format }: Found): Promise<readonly Disk[]> {
    try {
      return await this.make(images, format);
    } catch (error) {
      if (!(error instanceof TreeChanged)) throw error;
    }
    // In the same format: the VMM may know of the disks already.
    return this.make((await this.look(format)).images, format);
  }

  private async make(images: TreeImages, format: DiskFormat): Promise<readonly Disk[]> {
    const { writable } = this.request;
    const files: DiskFile[] = [];
    try {
      if (format === "erofs") files.push(await images.open("erofs"));
      if (format === "ext4") files.push(await images.copy("ext4"));
      else if (writable) files.push(await images.copy("upper"));
    } catch (error) {
      for (const file of files) {
        file.forget();
        closeSync(file.fd);
      }
      throw error;
    }
    this.files = files;
    return files.map(({ fd, path }, index) => ({
      readOnly: slotsOf(format, writable)[index]?.readOnly ?? false,
      path: descriptorPath(fd),
      file: path,
    }));
  }
}

interface Found extends FormatChoice {
  images: TreeImages;
}

function describeChoice(rootfs: string, { format, passedOver }: Found): string {
  return [`${rootfs} as ${format}`, ...passedOver].join("; not ");
}

function slotsOf(format: DiskFormat, writable: boolean): DiskSlot[] {
  if (format === "ext4") return [{ readOnly: false }];
  return [{ readOnly: true }, ...(writable ? [{ readOnly: false }] : [])];
}
