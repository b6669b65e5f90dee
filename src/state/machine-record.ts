import type { ErrorJson } from "../base/errors.ts";
import type { Settings } from "../oci/settings.ts";
import type { VmRecord } from "./record.ts";

export type MachineStatus = "created" | "starting" | "running" | "paused" | "stopped";

/** In the VM's state folder: the root of the tree that it shares with its guest. Each container's files are mounted on a folder of it. */
export const TREE_FOLDER = "tree";

/**
 * What `<root>/<id>/vm.json` holds: a VM made by hand, which can be started and stopped again and again. Written by the CLI while it
 * does not run, by its monitor while it does.
 */
export interface MachineRecord {
  version: 1;
  id: string;
  status: MachineStatus;
  /** The process that holds the files of its containers; 0 while it does not run. */
  pid: number;
  /** Field 22 of /proc/PID/stat: tells a reused pid from ours. */
  pidStartTime: number;
  /** RFC 3339. */
  created: string;
  owner: string;
  settings: Settings;
  /** A folder of the host that the guest sees as /mnt/bundle. */
  bundle?: string;
  /** The folder in it that the guest may write to: the root file system that its config.json names. The rest of the bundle is read-only. */
  bundleRoot?: string;
  /** Why it stopped, when nobody asked for it. */
  error?: ErrorJson;
  vm: VmRecord;
}
