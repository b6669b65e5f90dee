import type { Deadline } from "../base/deadline.ts";
import type { TreeOwner } from "../host/confinement.ts";

/**
 * How a folder of the host appears in the guest. A share is started before the guest runs (its server, if it has one). It says by what transport the
 * guest reaches it, of which the VMM's driver makes devices, and what the agent must mount. Whoever started it closes it; closing twice is allowed.
 */
export type ShareKind = "virtiofs" | "9p" | "9p-vsock";

/** The way from the guest to whoever serves the folder; the device, if it is one, is named MOUNT_TAG. */
export type Transport =
  /**
   * A virtio-fs device whose other end is a server (vhost-user) at this Unix socket, where it listens once the share has started. It maps the guest's
   * memory, which must therefore be a file that can be shared. A VMM may connect once.
   */
  | { kind: "virtio-fs"; socket: string }
  /** A virtio-9p device. The VMM serves it, with the owners and modes that the files have: the tree of this shadow, at EXPORTED_TREE of the VMM's root. */
  | { kind: "virtio-9p"; shadowPid: TreeOwner }
  /** A connection that the guest makes to a port of the host and speaks 9p over. One in the life of the share; the share owns the listener. */
  | { kind: "vsock"; door: Door };

/** Where a connection of the guest arrives at the host. */
export type Door =
  /** A Unix socket, for a VMM that turns connections of its guest to `port` into such. It goes to `uid`, `gid`, the user of the VMM. */
  | { kind: "unix"; path: string; port: number; uid: number; gid: number }
  /** A free port of AF_VSOCK, for the guest with that CID alone: the host's kernel carries the bytes. */
  | { kind: "vsock"; cid: number };

/** The phase of all errors of a choice. */
export const CHOOSE_SHARE = "choose the share";

/** A folder to share: the tree of a shadow. */
export interface HostFolder {
  shadowPid: TreeOwner;
}

/** What the agent's `mount` operation needs. */
export interface GuestMount {
  fstype: "9p" | "virtiofs";
  source: string;
  options: string;
  /** The agent mounts over a connection to this port of the host. */
  vsockPort?: number;
}

/** One shared folder on its way into one VM. Making it acquires nothing; `start` does. */
export interface Share {
  readonly kind: ShareKind;
  /** Valid before `start` as well. */
  readonly transport: Transport;
  /** Valid after `start`. */
  readonly mount: GuestMount;
  /** Settles when the share can no longer work, with the reason; a share without a server never settles. */
  readonly failed: Promise<Error>;
  start(deadline: Deadline): Promise<void>;
  close(): Promise<void>;
}

/** Where a server, or a VMM that serves, has the tree in its root (native/confine/jail.c). */
export const EXPORTED_TREE = "/tree";

/** A server ends with the guest's connection, and so a moment before the end of a killed VMM is seen: this long at most. */
export const SERVER_GRACE_MS = 1000;

/** Name of the device in the guest: 9p's mount tag, virtiofs's tag. */
export const MOUNT_TAG = "nkroot";
