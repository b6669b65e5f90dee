import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { NkError } from "../base/errors.ts";
import { formatExact, parseExact } from "../base/exact-json.ts";
import type { CgroupWrite } from "../host/cgroup-limits.ts";
import type { Settings } from "../oci/settings.ts";
import type { MachineRecord } from "../state/machine-record.ts";
import type { ContainerRecord } from "../state/record.ts";
import type { Settled } from "../vm/driver.ts";

/** A container that is to be made. */
export interface ContainerJob {
  record: ContainerRecord;
  /** Of its shared tree. */
  proof: string;
  settings: Settings;
  /** The VM that it has of its own. */
  settled?: Settled;
  /** The config.json for the in-VM runtime (oci/guest-config.ts). */
  guestConfig: Record<string, unknown>;
  /** process.args[0], for errors. */
  program: string;
  terminal: boolean;
  /** `run`: start the container as soon as it is created. */
  startAtOnce: boolean;
  /** Send every step to the caller (--educational, --debug). */
  narrate: boolean;
  /** For the container's cgroups on the host, when the VM has booted; of a container that has a VM of its own. */
  cpuLimits?: CgroupWrite[];
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

/** A VM made by hand that is to be started. */
export interface MachineJob {
  machine: MachineRecord;
  settled: Settled;
  /** Of the VM's shared tree. */
  proof: string;
  narrate: boolean;
}

/** What the CLI hands to the monitor it starts, as `<state>/job.json`. */
export type Job = ContainerJob | MachineJob;

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
export function takeJob(stateDir: string): Job {
  const path = jobPath(stateDir);
  const job = parseExact(readFileSync(path, "utf8")) as Job;
  rmSync(path);
  return job;
}
