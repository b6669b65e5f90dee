import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { NkError } from "../base/errors.ts";
import { formatExact, parseExact } from "../base/exact-json.ts";
import type { LimitOrder } from "../host/cgroup-limits.ts";
import type { FeatureName } from "../image/kernel-features.ts";
import type { NetworkSpec } from "../network/network.ts";
import type { Settings } from "../oci/settings.ts";
import type { SharedNamespace } from "../oci/shared-namespaces.ts";
import type { MachineRecord } from "../state/machine-record.ts";
import type { ContainerRecord, VmRecord } from "../state/record.ts";
import type { Settled } from "../vm/driver.ts";

/** A container that is to be made: what its shadow asks the monitor of a sandbox for. */
export interface ContainerJob {
  record: ContainerRecord;
  /** Of its shared tree. */
  proof: string;
  /** The config.json for the in-VM runtime (oci/guest-config.ts). */
  guestConfig: Record<string, unknown>;
  /** Unix sockets of the host that its bind mounts bring. */
  sockets: readonly HostSocket[];
  /** Namespaces of `guestConfig` that are another container's; they have no path yet. */
  shared: readonly SharedNamespace[];
  /** process.args[0], for errors. */
  program: string;
  terminal: boolean;
  /** `run`: start the container as soon as it is created. */
  startAtOnce: boolean;
  /** Who is told of what its shim cannot see. */
  eventService?: EventService;
}

/** containerd, as its shims reach it. */
export interface EventService {
  /** Of a Unix socket. */
  address: string;
  /** containerd's, which has the container. */
  namespace: string;
}

/** A Unix socket of the host in a container's shared tree. */
export interface HostSocket {
  /** Its bind mount, by the number among them. */
  volume: number;
  /** In the folder that is mounted; absent: it is mounted itself. */
  name?: string;
  kind: "stream" | "datagram";
  /** On the host, for people. */
  path: string;
}

/** Whose a sandbox is that is somebody's. */
export type OwnedHome = Exclude<SandboxHome, { pooled: VmRecord }>;

/**
 * Whose the sandbox is: a VM made by hand, which lives until it is stopped; that of one container, which joins first and ends it; or nobody's yet,
 * which waits in a pool until it is adopted for a container.
 */
export type SandboxHome =
  | { machine: MachineRecord; network: NetworkSpec }
  | {
      /** What is known of the VM. */
      pooled: VmRecord;
      /** The folder of states in which its container will be. */
      root: string;
    }
  | {
      container: ContainerRecord & { vm: VmRecord };
      /** For the container's cgroups on the host, when the VM has booted. */
      cpuLimits: LimitOrder[];
      network: NetworkSpec;
    };

/** A sandbox that is to be started: the command hands this to the monitor as `<state>/job.json`. */
export interface SandboxJob {
  id: string;
  home: SandboxHome;
  settings: Settings;
  settled: Settled;
  /** What the container's config.json asks of the guest's kernel, and by what (vm/config-needs.ts). */
  needs: [FeatureName, string][];
  /** Of the sandbox's own tree. */
  proof: string;
  /** Send every step to the caller (--educational, --debug). */
  narrate: boolean;
  /** Only for a VM whose root file system is on a disk. */
  disk?: DiskRoot;
}

/** A root file system that the guest gets as a disk. */
export interface DiskRoot {
  /** The folder whose content it has. */
  rootfs: string;
  /** The guest must be able to write to it. */
  writable: boolean;
  /** What the container changed is copied back to `rootfs`. */
  sync: boolean;
}

const FILE = "job.json";

export function jobPath(stateDir: string): string {
  return join(stateDir, FILE);
}

/** A CONTROL frame has 4 MiB at most; this is left for what is around config.json or a process in it. */
const MAX_REQUEST_BYTES = 4 * 1024 * 1024 - 64 * 1024;

/** The text of a job or another request with config.json or a process in it. @throws BAD_CONFIG when the guest could not be told */
export function encodeRequest(request: unknown): string {
  const text = formatExact(request);
  const length = Buffer.byteLength(text);
  if (length <= MAX_REQUEST_BYTES) return text;
  throw new NkError(
    "BAD_CONFIG",
    `config.json or the process is too long for a VM: expected at most ${MAX_REQUEST_BYTES} bytes without blanks, found ${length}`,
  );
}

/** Reads the job and removes its file: it is used once. */
export function takeJob(stateDir: string): SandboxJob {
  const path = jobPath(stateDir);
  const job = parseExact(readFileSync(path, "utf8")) as SandboxJob;
  rmSync(path);
  return job;
}
