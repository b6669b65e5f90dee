import { NkError } from "../base/errors.ts";
import { resolveGuestImage } from "../image/guest-image.ts";
import type { KernelImage } from "../image/kernel.ts";
import type { Settings } from "../oci/settings.ts";
import { CHOOSE_SHARE } from "../share/share.ts";
import { findVirtiofsd } from "../share/virtiofs.ts";
import { notices, traced } from "../trace/channels.ts";
import { chooseVmm } from "../vm/choose-vmm.ts";
import { autoShare } from "../vm/qemu/choose-share.ts";
import type { VmmName } from "../vm/virtual-machine.ts";

/** Settings of a VM whose VMM is chosen. */
export type SettledSettings = Settings & { vmm: VmmName };

/**
 * Chooses the VMM, and with it how files get into the VM: Firecracker has no device for a shared folder.
 * @param home `container`: the VM is for one container, whose root file system can be a disk. `machine`: containers come later, from shared folders.
 * @param hasBinds the container has bind mounts
 * @throws UNSUPPORTED for what the VMM that was asked for cannot do, and where bind mounts need a share and there is none
 */
export async function settleVmm(
  settings: Settings,
  home: "container" | "machine",
  hasBinds = false,
): Promise<SettledSettings> {
  const needsFolders = home === "machine" || needsSharedFolders(settings, hasBinds);
  const kernel = (): Promise<KernelImage> => kernelOf(settings);
  const notes: { why: string; what?: string } = { why: WHY };
  return traced("cli", "choose the VMM", notes, async () => {
    const { vmm, reason } = await chooseVmm({ ...settings, needsFolders, kernel });
    notes.what = reason;
    const share = await settledShare(settings.share, vmm, { home, kernel });
    if (vmm === "qemu" && share !== settings.share) tellOfDisk(hasBinds || settings.sync);
    return { ...settings, vmm, share };
  });
}

/** It is not what `auto` is on other hosts: what the container writes is not on this one. @throws UNSUPPORTED when it does not do */
function tellOfDisk(needsShare: boolean): void {
  const reason = "this host has no virtiofsd, and the guest's kernel no 9p";
  if (!needsShare) {
    notices.publish(`${reason}: the root file system is a disk, and what the container writes goes with it`);
    return;
  }
  throw new NkError(
    "UNSUPPORTED",
    `bind mounts of config.json and --vm-sync need a share, but ${reason}: install virtiofsd ` +
      "(Debian 12: qemu-system-common; later and elsewhere: virtiofsd), or make a kernel that has 9p (scripts/build-kernel.sh)",
    { phase: CHOOSE_SHARE },
  );
}

const WHY = "Firecracker starts quicker and is smaller, and needs KVM; QEMU runs everywhere";

/** Whether a container's VM must see folders of the host. */
export function needsSharedFolders({ sync, share }: Settings, hasBinds: boolean): boolean {
  return hasBinds || sync || share.startsWith("9p");
}

/** What the share is chosen for. */
export interface ShareHome {
  /** As for `settleVmm`. */
  home: "container" | "machine";
  /** The guest's kernel, for hosts without virtiofsd. */
  kernel: () => Promise<KernelImage>;
}

/**
 * What `share` means on this VMM. QEMU's `auto` is settled when the VM is made, unless there is no share to be had: then a container's root file
 * system is a disk.
 */
export async function settledShare(
  want: Settings["share"],
  vmm: VmmName,
  { home, kernel }: ShareHome,
): Promise<Settings["share"]> {
  if (vmm === "qemu") {
    const mayLackOne = want === "auto" && home === "container" && findVirtiofsd() === null;
    return mayLackOne && autoShare((await kernel()).shares) === undefined ? "block" : want;
  }
  if (want === "9p") return "9p-vsock";
  if (want === "auto") return home === "container" ? "block" : "9p-vsock";
  return want;
}

async function kernelOf({ kernel, rootfs, vmRuntime }: Settings): Promise<KernelImage> {
  return (await resolveGuestImage({ kernel, rootfs, runtime: vmRuntime })).kernel;
}
