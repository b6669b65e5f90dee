import type { Deadline } from "../base/deadline.ts";

/**
 * How a folder of the host appears in the guest. A share is started before the VMM (its daemon, if it has one), gives the
 * VMM its arguments, and tells the agent what to mount. Whoever started it closes it; closing twice is allowed.
 */
export type ShareKind = "virtiofs" | "9p";

/** A folder to share. `path` may be a magic link such as /proc/PID/fd/N/. and is opened once, when the share starts. */
export interface HostFolder {
  path: string;
}

/** What the agent's `mount` operation needs. */
export interface GuestMount {
  fstype: "9p" | "virtiofs";
  source: string;
  options: string;
}

/** One shared folder on its way into one VM. Making it acquires nothing; `start` does. */
export interface Share {
  readonly kind: ShareKind;
  readonly guestMount: GuestMount;
  /** Arguments for QEMU that make the device; valid before `start` as well. */
  readonly qemuArgs: readonly string[];
  /** The server maps the guest's memory, which must therefore be a shared file. */
  readonly needsSharedMemory: boolean;
  /** Settles when the share can no longer work, with the reason; a share without a server never settles. */
  readonly failed: Promise<Error>;
  start(deadline: Deadline): Promise<void>;
  close(): Promise<void>;
}

/** Name of the device in the guest: 9p's mount tag, virtiofs's tag. */
export const MOUNT_TAG = "nkroot";

/** A value inside a QEMU option: a comma ends the value unless it is doubled (qemu-options, "Device options"). */
export function quoteValue(value: string): string {
  return value.replaceAll(",", ",,");
}
