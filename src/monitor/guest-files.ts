import { join } from "node:path";
import { NkError } from "../base/errors.ts";
import { BoundedLog } from "../host/bounded-log.ts";
import { checkKernelFeatures } from "../image/check-kernel.ts";
import { resolveGuestImage, type GuestImage } from "../image/guest-image.ts";
import { RootDisks } from "../image/root-disks.ts";
import { traced } from "../trace/channels.ts";
import type { GuestSpec } from "./guest.ts";

/** What a VM is made from; its owner closes `rootDisks` when the VM is gone. */
export interface GuestFiles {
  image: GuestImage;
  rootDisks: RootDisks | undefined;
}

/** @throws BAD_CONFIG for a kernel that lacks what is needed, and as `RootDisks.make` */
export async function findFiles(spec: GuestSpec): Promise<GuestFiles> {
  const image = await findImage(spec);
  const { disk, settings, stateDir } = spec;
  if (!disk) {
    if (settings.share === "block") throw noDisk();
    return { image, rootDisks: undefined };
  }
  const log = new BoundedLog(join(stateDir, "disk.log"));
  try {
    const { rootfs, writable } = disk;
    const { kernel } = image;
    return {
      image,
      rootDisks: await RootDisks.make({ rootfs, writable, want: settings.blockFs, kernel, log }),
    };
  } finally {
    log.close();
  }
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
    return image;
  });
}
