import { join } from "node:path";
import { NkError } from "../../base/errors.ts";
import { BoundedLog } from "../../host/bounded-log.ts";
import { checkKernelFeatures } from "../../image/check-kernel.ts";
import { resolveGuestImage, type GuestImage } from "../../image/guest-image.ts";
import { checkMemory } from "../../image/memory-need.ts";
import { RootDisks, type RootDisksRequest } from "../../image/root-disks.ts";
import { traced } from "../../trace/channels.ts";
import type { GuestSpec } from "./guest.ts";

/** What a VM is made from; its owner closes `rootDisks`, which may still be in the making, when the VM is gone. */
export interface GuestFiles {
  image: GuestImage;
  rootDisks: RootDisks | undefined;
}

/** @throws BAD_CONFIG for a kernel that lacks what is needed */
export async function findFiles(spec: GuestSpec): Promise<GuestFiles> {
  const found = findImage(spec);
  const rootDisks = beginDisks(
    spec,
    found.then(({ kernel }) => kernel),
  );
  try {
    return { image: await found, rootDisks };
  } catch (error) {
    await rootDisks?.close();
    throw error;
  }
}

function beginDisks(
  { disk, settings, stateDir }: GuestSpec,
  kernel: RootDisksRequest["kernel"],
): RootDisks | undefined {
  kernel.catch(() => {});
  if (!disk) {
    if (settings.share === "block") throw noDisk();
    return undefined;
  }
  const { rootfs, writable } = disk;
  const log = new BoundedLog(join(stateDir, "disk.log"));
  const disks = new RootDisks({ rootfs, writable, want: settings.blockFs, kernel, log });
  const done = (): void => log.close();
  disks.ready.then(done, done);
  return disks;
}

function noDisk(): NkError {
  return new NkError(
    "UNSUPPORTED",
    "a VM made by hand takes its containers' files from live shares: expected --vm-share=auto, virtiofs or 9p, found block",
    { phase: "choose the share" },
  );
}

function findImage({ settings, needs }: GuestSpec): Promise<GuestImage> {
  const why = "a kernel and an initramfs that fit each other, and have what is asked of them";
  return traced("monitor", "find the guest image", { why }, async () => {
    const image = await resolveGuestImage({
      kernel: settings.kernel,
      rootfs: settings.rootfs,
      runtime: settings.vmRuntime,
    });
    checkKernelFeatures(image.kernel, needs);
    checkMemory(image, settings.memSizeMib);
    return image;
  });
}
