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
