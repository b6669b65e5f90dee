import { resolveGuestImage } from "../image/guest-image.ts";
import type { Settings } from "../oci/settings.ts";
import { traced } from "../trace/channels.ts";
import { chooseVmm } from "../vm/choose-vmm.ts";
import type { VmmName } from "../vm/virtual-machine.ts";

/** Settings of a VM whose VMM is chosen. */
export type SettledSettings = Settings & { vmm: VmmName };

/**
 * Chooses the VMM, and with it how files get into the VM: Firecracker has no device for a shared folder.
 * @param home `container`: the VM is for one container, whose root file system can be a disk. `machine`: containers come later, from shared folders.
 * @param hasBinds the container has bind mounts
 * @throws UNSUPPORTED for what the VMM that was asked for cannot do
 */
export async function settleVmm(
  settings: Settings,
  home: "container" | "machine",
  hasBinds = false,
): Promise<SettledSettings> {
  const needsFolders = home === "machine" || needsSharedFolders(settings, hasBinds);
  const notes: { why: string; what?: string } = { why: WHY };
  return traced("cli", "choose the VMM", notes, async () => {
    const { vmm, reason } = await chooseVmm({ ...settings, needsFolders, kernel: () => kernelOf(settings) });
    notes.what = reason;
    return { ...settings, vmm, share: settledShare(settings.share, vmm, home) };
  });
}

const WHY = "Firecracker starts quicker and is smaller, and needs KVM; QEMU runs everywhere";

/** Whether a container's VM must see folders of the host. */
export function needsSharedFolders({ sync, share }: Settings, hasBinds: boolean): boolean {
  return hasBinds || sync || share.startsWith("9p");
}

/** What `share` means on this VMM; QEMU's `auto` is settled when the VM is made. @param home as for `settleVmm` */
export function settledShare(
  want: Settings["share"],
  vmm: VmmName,
  home: "container" | "machine",
): Settings["share"] {
  if (vmm === "qemu") return want;
  if (want === "9p") return "9p-vsock";
  if (want === "auto") return home === "container" ? "block" : "9p-vsock";
  return want;
}

async function kernelOf({ kernel, rootfs, vmRuntime }: Settings) {
  return (await resolveGuestImage({ kernel, rootfs, runtime: vmRuntime })).kernel;
}
