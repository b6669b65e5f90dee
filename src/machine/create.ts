import { mkdirSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { NkError } from "../base/errors.ts";
import { cgroupFolder, planCgroup } from "../host/cgroup.ts";
import { findOpenRoot } from "../host/open-root.ts";
import { resolveGuestImage, type GuestImage } from "../image/guest-image.ts";
import { checkMemory } from "../image/memory-need.ts";
import { settleVmm, type SettledSettings } from "../launch/settle-vmm.ts";
import type { Settings } from "../oci/settings.ts";
import { requireDiod } from "../share/diod.ts";
import { requireGuestDriver } from "../share/guest-driver.ts";
import type { ShareKind } from "../share/share.ts";
import { ownerName } from "../state/owner.ts";
import { emptyVm } from "../state/empty-vm.ts";
import { TREE_FOLDER, type MachineRecord } from "../state/machine-record.ts";
import type { MachineStore } from "../state/machine-store.ts";
import { ALWAYS_KVM } from "../vm/choose-vmm.ts";
import { requireKvm } from "../vm/firecracker/preflight.ts";
import { shareKind } from "../vm/qemu/choose-share.ts";
import { resolveAccel } from "../vm/qemu/driver.ts";
import { warnings } from "../trace/channels.ts";
import { writableRoot } from "./bundle-folder.ts";

export interface MachineRequest {
  id: string;
  settings: Settings;
  /** Absolute. */
  bundle: string | undefined;
}

/**
 * Makes a VM that can be started: everything it will need is looked for, nothing is run. The id is claimed as the
 * last step.
 * @throws EXISTS, BAD_CONFIG, UNSUPPORTED
 */
export async function createMachine(machines: MachineStore, request: MachineRequest): Promise<void> {
  const { id, bundle } = request;
  const settings = await settleVmm(request.settings, "machine");
  machines.checkFree(id);
  const prepared = machines.store.prepare();
  try {
    const bundleRoot = bundle === undefined ? undefined : writableRoot(bundle);
    if (settings.sync) throw noSync();
    const share = liveShare(settings.share);
    const image = await resolveGuestImage({
      kernel: settings.kernel,
      rootfs: settings.rootfs,
      runtime: settings.vmRuntime,
    });
    checkMemory(image, settings.memSizeMib);
    const { accel, reason } = await accelOf(settings, image);
    mkdirSync(join(prepared, TREE_FOLDER));
    const record: MachineRecord = {
      version: 1,
      id,
      status: "created",
      pid: 0,
      pidStartTime: 0,
      created: new Date().toISOString(),
      owner: ownerName(),
      settings,
      ...(bundle !== undefined && { bundle }),
      ...(bundleRoot !== undefined && { bundleRoot }),
      vm: {
        ...emptyVm(settings, planCgroup(cgroupFolder(undefined, id))),
        accel,
        accelReason: reason,
        share: shareOf(settings.vmm, share, image),
        kernel: image.kernel.path,
        kernelRelease: image.kernel.release,
        initrd: image.initrd,
      },
    };
    if (bundle !== undefined && bundleRoot !== undefined) warnOfOpenRoot(bundle, bundleRoot);
    machines.claim(prepared, record);
  } catch (error) {
    machines.store.discard(prepared);
    throw error;
  }
}

function warnOfOpenRoot(bundle: string, root: string): void {
  const folder = realpathSync(bundle);
  const open = findOpenRoot(join(folder, root), folder);
  if (open) warnings.publish(`${open.found}: ${open.mend}`);
}

function noSync(): NkError {
  return new NkError(
    "BAD_CONFIG",
    "--vm-sync (vm.sync) copies back from a disk of the VM, and a VM made by hand has none: leave it out",
  );
}

async function accelOf({ vmm, accel }: SettledSettings, { kernel }: GuestImage) {
  if (vmm === "qemu") return resolveAccel(accel, kernel);
  requireKvm();
  return { accel: "kvm", reason: ALWAYS_KVM } as const;
}

/** @throws UNSUPPORTED when it cannot be had on this host */
function shareOf(vmm: SettledSettings["vmm"], want: ShareKind | "auto", { kernel }: GuestImage): ShareKind {
  if (vmm === "qemu") return shareKind({ want, supported: kernel.shares });
  requireGuestDriver("9p-vsock", kernel.shares);
  requireDiod();
  return "9p-vsock";
}

/** The containers come after the boot: their files can only be in a folder that is shared. */
function liveShare(want: Settings["share"]): Exclude<Settings["share"], "block"> {
  if (want !== "block") return want;
  throw new NkError(
    "UNSUPPORTED",
    "a VM made by hand takes its containers' files from a shared folder: use --vm-share=virtiofs or 9p",
  );
}
