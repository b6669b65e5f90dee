import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { isPrepared } from "../image/cache-dir.ts";
import type { KernelImage } from "../image/kernel.ts";
import type { DiskSlot } from "../image/root-disks.ts";
import type { ShareKind } from "../share/share.ts";
import type { VmmName } from "./driver.ts";

/** `tap`: a device of the host, connected when the VM is somebody's. `user`: a network in a program. */
export type CardBackend = "tap" | "user";

/** The network card of a VM, and what is behind it. */
export type CardShape = TapCard | PasstCard | SlirpCard;

export interface TapCard {
  backend: "tap";
  /** Of each direction; more than one is for more than one virtual CPU. */
  queues: number;
  /** The host's kernel moves its frames, and not the VMM. */
  isVhost: boolean;
}

/** A socket for passt, which is started when the VM is somebody's. */
export interface PasstCard {
  backend: "passt";
  /** An absolute path. */
  program: string;
}

/** The VMM itself. */
export interface SlirpCard {
  backend: "slirp";
}

/**
 * All that a VM must have at boot, and nothing of who it is for: no name, no folder, no container. It is plain data, as JSON is. Two VMs of one shape can
 * stand for each other, which `shapeKey` tells.
 */
export interface Shape {
  vmm: VmmName;
  /** The VMM's program, an absolute path. */
  program: string;
  /** The program that puts it into a jail, an absolute path; undefined: it has none. */
  jailer?: string | undefined;
  /** How the guest's code is run: by the hardware, or by software. */
  accel: "kvm" | "tcg";
  kernel: KernelImage;
  /** Path of the initramfs. */
  initrd: string;
  vcpus: number;
  memSizeMib: number;
  /** Where a container's root file system is: in what the host shares, or on disks of the VM. */
  root: "share" | "disk";
  /** How folders of the host reach the guest; undefined: none do, and the VM has no device for it. */
  volumes?: ShareKind | undefined;
  /** The program that serves them, an absolute path; undefined: none, or the VMM itself. */
  server?: string | undefined;
  /** In the order in which the guest finds them; none with `root: "share"`. */
  diskSlots: readonly DiskSlot[];
  /** Undefined: it has none. */
  card?: CardShape | undefined;
  /** The VMM and the program that serves folders keep the rights of root, for people with debuggers. */
  isUnlocked?: boolean;
  /** The guest's kernel and the VMM say more. */
  debug: boolean;
}

/**
 * A shape as it is settled before anything is made. With `root: "disk"` its disks are known only when the format of the image is chosen, for which the
 * whole tree is looked through: `{ ...settled, diskSlots: await disks.slots }` is the shape then.
 */
export type SettledShape = Omit<Shape, "diskSlots">;

/**
 * A short text that is the same for two shapes if VMs of them can stand for each other: all members are equal, and so are the files that they name, as
 * they are now (path, size, time, inode). A VM keeps the key that its shape had before it was booted: a program or an image that is replaced
 * afterwards gives the same members another key, and the VM is not taken any more.
 * @param others files that are no part of the shape, and must be the same all the same
 */
export function shapeKey(shape: Shape, others: readonly string[] = []): string {
  const { program, jailer, server, kernel, initrd, card } = shape;
  const passt = card?.backend === "passt" ? card.program : undefined;
  const files = [program, jailer, server, passt, kernel.path, initrd, ...others].filter(
    (path) => path !== undefined,
  );
  return createHash("sha256")
    .update(JSON.stringify([canonical(shape), files.map(markOf)]))
    .digest("hex")
    .slice(0, 32);
}

/** Without the order in which members were set, and without those that are undefined: JSON forgets both. */
function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== "object" || value === null) return value;
  return Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => [name, canonical(member)]);
}

/** A prepared file is touched once a day while it is used, and is never written to again. */
function markOf(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return "none";
  return `${stat.size} ${isPrepared(path) ? "" : stat.mtimeMs} ${stat.ino}`;
}
