import { join } from "node:path";
import { BoundedLog } from "../../host/bounded-log.ts";
import { checkKernelFeatures } from "../../image/check-kernel.ts";
import { RootDisks } from "../../image/root-disks.ts";
import type { GuestSpec } from "./guest.ts";

/**
 * The disks of a VM whose root file system is on some, in the making; its owner closes them when the VM is gone.
 * @throws BAD_CONFIG for a kernel that lacks what the container needs
 */
export function beginDisks({ disk, settings, settled, needs, stateDir }: GuestSpec): RootDisks | undefined {
  const { kernel } = settled.shape;
  checkKernelFeatures(kernel, needs);
  if (!disk) return undefined;
  const { rootfs, writable } = disk;
  const log = new BoundedLog(join(stateDir, "disk.log"));
  const disks = new RootDisks({
    rootfs,
    writable,
    want: settings.blockFs,
    kernel: Promise.resolve(kernel),
    log,
  });
  const done = (): void => log.close();
  disks.ready.then(done, done);
  return disks;
}
