import type { ErrorJson } from "../base/errors.ts";
import type { NetworkRecord } from "./network-record.ts";

/** runtime-spec runtime.md#state, and runc's "paused". */
export type Status = "creating" | "created" | "running" | "paused" | "stopped";

/** One process, for ever: its pid with field 22 of /proc/PID/stat, which tells a reused pid. */
export interface ProcessId {
  pid: number;
  startTime: number;
}

/** What `<root>/<id>/state.json` holds. Written by one process at a time: the CLI before the monitor runs and after it has ended, the monitor between. */
export interface ContainerRecord {
  version: 1;
  id: string;
  mode: "container" | "vm";
  status: Status;
  /** The pid callers see: of the shadow (vm) or of the container's init (container); 0 when stopped. */
  pid: number;
  /** Field 22 of /proc/PID/stat: tells a reused pid from ours. */
  pidStartTime: number;
  ociVersion: string;
  bundle: string;
  rootfs: string;
  /** RFC 3339 with nanoseconds. */
  created: string;
  annotations: Record<string, string>;
  /** User name of the creator. */
  owner: string;
  /** The command that makes the container, until it has been told that the container is there. Dead: nobody waits for it any more. */
  creator?: ProcessId;
  /** A `delete` without --force ends it with its VM when it runs; absent: it is refused, as the runtime specification says. */
  endOnDelete?: boolean;
  /** Known as soon as its process has ended, some tenths of a second before it has stopped. */
  exitStatus?: number;
  /** A process of the container was killed because its memory limit was reached. */
  oomKilled?: boolean;
  /** Why the container stopped, when it was not its own exit. */
  error?: ErrorJson;
  /** What came of `--vm-sync`. */
  copiedBack?: CopyBack;
  vm?: VmRecord;
  host?: HostRecord;
}

/** What a container changed on its disk, brought to the root file system of the bundle. */
export interface CopyBack {
  files: number;
  bytes: number;
  deleted: number;
  failed: number;
  /** The first that failed, and why. */
  problems: string[];
  /** Why it was not copied to the end. */
  error?: string;
}

export interface VmRecord {
  vmm: string;
  vmmPid: number;
  vmmStartTime: number;
  monitorPid: number;
  monitorStartTime: number;
  accel: "kvm" | "tcg";
  /** Why this accel, for people. */
  accelReason: string;
  share: "virtiofs" | "9p" | "9p-vsock" | "block";
  /** With `share: "block"`: the file system of the disk image. */
  blockFs?: "ext4" | "erofs";
  vcpus: number;
  memSizeMib: number;
  kernel: string;
  kernelRelease: string;
  initrd: string;
  runtime: "crun" | "runc";
  /** What its network has of the host. */
  network?: NetworkRecord;
  /** The process that has the sandbox's tree; there while the monitor is. */
  holder?: ProcessId;
  /** The sandbox that the container is in: a VM made by hand, or the container that it was made for. Absent: that is this container. */
  sandbox?: string;
  /** cgroup folders made for this container, removed by delete. */
  cgroups: string[];
  /** cgroup folders that were there before: its processes are in them, and delete leaves them. */
  joinedCgroups?: string[];
  /** Name of the unit of systemd that has these folders; absent: they are our own. */
  scope?: string;
}

export interface HostRecord {
  /** Absolute path of the runtime. */
  runtime: string;
  /** Its --root. */
  root: string;
  /** Why this runtime was chosen. */
  reason: string;
}
