import type { Deadline } from "../base/deadline.ts";

/**
 * How a folder of the host appears in the guest. A share is started before the guest runs (its daemon, if it has one), gives the
 * VMM its arguments, and tells the agent what to mount. Whoever started it closes it; closing twice is allowed.
 * - `virtiofs`, `9p`: devices of QEMU. `9p-vsock`: a connection that the guest makes, for a VMM without such devices; the share
 *   owns the listener, and takes one connection in its life.
 */
export type ShareKind = "virtiofs" | "9p" | "9p-vsock";

/** The phase of all errors of a choice. */
export const CHOOSE_SHARE = "choose the share";

/** A folder to share: the tree of a shadow. */
export interface HostFolder {
  shadowPid: number;
}

/** What the agent's `mount` operation needs. */
export interface GuestMount {
  fstype: "9p" | "virtiofs";
  source: string;
  options: string;
  /** The agent mounts over a connection to this port of the host. */
  vsockPort?: number;
}

/** What QEMU needs for a share, in a root of its own; valid before `start` as well. */
export interface QemuSide {
  /** Arguments that make the device. */
  args: readonly string[];
  /** What is to be in its root: the tree itself, where QEMU serves it, a device of the host, */
  shadowPid?: number;
  devices?: readonly string[];
  /** the socket of the server, as SHARE_FD. It listens once the share has started. */
  socket?: string;
}

/** Of the server's socket in QEMU. */
export const SHARE_FD = 7;

/** One shared folder on its way into one VM. Making it acquires nothing; `start` does. */
export interface Share {
  readonly kind: ShareKind;
  /** Valid after `start`. */
  readonly guestMount: GuestMount;
  readonly qemu: QemuSide;
  /** The server maps the guest's memory, which must therefore be a shared file. */
  readonly needsSharedMemory: boolean;
  /** Settles when the share can no longer work, with the reason; a share without a server never settles. */
  readonly failed: Promise<Error>;
  start(deadline: Deadline): Promise<void>;
  close(): Promise<void>;
}

/** Where a server has the tree in its root (native/confine/jail.c). */
export const EXPORTED_TREE = "/tree";

/** A server ends with the guest's connection, and so a moment before the end of a killed VMM is seen: this long at most. */
export const SERVER_GRACE_MS = 1000;

/** Name of the device in the guest: 9p's mount tag, virtiofs's tag. */
export const MOUNT_TAG = "nkroot";

/** A value inside a QEMU option: a comma ends the value unless it is doubled (qemu-options, "Device options"). */
export function quoteValue(value: string): string {
  return value.replaceAll(",", ",,");
}
