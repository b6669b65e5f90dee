import { closeSync, ftruncateSync, openSync } from "node:fs";
import type { Deadline } from "../../base/deadline.ts";
import type { Disk, DiskSlot } from "../../image/root-disks.ts";
import type { FirecrackerApi } from "./api/api.ts";
import { putBootSource } from "./api/boot-source.ts";
import { patchDrive, putDrive } from "./api/drives.ts";
import { putEntropy } from "./api/entropy.ts";
import { putMachineConfig } from "./api/machine-config.ts";
import { putMetrics } from "./api/metrics.ts";
import { putVsock } from "./api/vsock.ts";

/** Each VM has its own socket, so that all can have the same number. */
const GUEST_CID = 3;

/** A disk that is still in the making is this long: for less, the guest would see no disk at all, and the agent knows that no real one is so small. */
const STAND_IN_BYTES = 512;

export interface VmConfig {
  vcpus: number;
  memSizeMib: number;
  /** Paths as Firecracker sees them, here and below. */
  kernel: string;
  /** undefined: none, and the kernel has nothing to start. */
  initrd?: string;
  cmdline: string;
  vsock: string;
  metrics: string;
}

/** Tells Firecracker what machine to make; the order is free, but for what the guest sees of it: disks are named as they come. */
export async function configure(api: FirecrackerApi, config: VmConfig, deadline: Deadline): Promise<void> {
  const { vcpus, memSizeMib, kernel, initrd, cmdline, vsock, metrics } = config;
  await putMetrics(api, { metrics_path: metrics }, deadline);
  await putMachineConfig(api, { vcpu_count: vcpus, mem_size_mib: memSizeMib }, deadline);
  const source = {
    kernel_image_path: kernel,
    boot_args: cmdline,
    ...(initrd !== undefined && { initrd_path: initrd }),
  };
  await putBootSource(api, source, deadline);
  await putVsock(api, { guest_cid: GUEST_CID, uds_path: vsock }, deadline);
  await putEntropy(api, {}, deadline);
}

/** None is the root: the guest's root is its initramfs, and the agent mounts the disks. */
export async function putDisks(
  api: FirecrackerApi,
  disks: readonly Disk[],
  deadline: Deadline,
): Promise<void> {
  for (const [index, { path, readOnly }] of disks.entries()) {
    const drive = {
      drive_id: driveId(index),
      path_on_host: path,
      is_root_device: false,
      is_read_only: readOnly,
    };
    await putDrive(api, drive, deadline);
  }
}

/** Gives the guest its disks for the stand-ins that it has booted with. */
export async function swapDisks(
  api: FirecrackerApi,
  disks: readonly Disk[],
  deadline: Deadline,
): Promise<void> {
  for (const [index, { path }] of disks.entries()) {
    await patchDrive(api, { drive_id: driveId(index), path_on_host: path }, deadline);
  }
}

/** Disks of nothing, for those that are still in the making. @param path of the file that stands in for all of them */
export function standInsFor(slots: readonly DiskSlot[], path: string): Disk[] {
  const fd = openSync(path, "w", 0o600);
  ftruncateSync(fd, STAND_IN_BYTES);
  closeSync(fd);
  return slots.map(({ readOnly }) => ({ path, file: path, readOnly }));
}

/** Letters, digits and _ only. */
function driveId(index: number): string {
  return `d${index}`;
}
