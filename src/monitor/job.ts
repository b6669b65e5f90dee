import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Settings } from "../oci/settings.ts";
import type { MachineRecord } from "../state/machine-record.ts";
import type { ContainerRecord } from "../state/record.ts";

/** A container that is to be made. */
export interface ContainerJob {
  record: ContainerRecord;
  settings: Settings;
  /** The config.json for the in-VM runtime (oci/guest-config.ts). */
  guestConfig: Record<string, unknown>;
  /** process.args[0], for errors. */
  program: string;
  terminal: boolean;
  /** `run`: start the container as soon as it is created. */
  startAtOnce: boolean;
  /** Send every step to the caller (--educational, --debug). */
  narrate: boolean;
  /** Only with `--vm-share=block`. */
  disk?: DiskRoot;
}

/** A root file system that the guest gets as a disk. */
export interface DiskRoot {
  /** The folder whose content it has. */
  rootfs: string;
  /** The guest must be able to write to it. */
  writable: boolean;
  /** There are bind mounts, or the root is copied back: they need a share beside the disk. */
  hasVolumes: boolean;
  /** What the container changed is copied back to `rootfs`. */
  sync: boolean;
}

/** A VM made by hand that is to be started. */
export interface MachineJob {
  machine: MachineRecord;
  narrate: boolean;
}

/** What the CLI hands to the monitor it starts, as `<state>/job.json`. */
export type Job = ContainerJob | MachineJob;

const FILE = "job.json";

export function jobPath(stateDir: string): string {
  return join(stateDir, FILE);
}

/** Reads the job and removes its file: it is used once. */
export function takeJob(stateDir: string): Job {
  const path = jobPath(stateDir);
  const job = JSON.parse(readFileSync(path, "utf8")) as Job;
  rmSync(path);
  return job;
}
