import { lstatSync } from "node:fs";
import { join } from "node:path";
import type { DiskRoot } from "../contract/job.ts";
import type { Bundle } from "../oci/bundle.ts";
import { bindMounts, planMounts } from "../oci/guest-mounts.ts";

/** What a root file system on a disk is made of. @param wantsSync `--vm-sync` */
export function diskRoot(bundle: Bundle, wantsSync: boolean): DiskRoot {
  return {
    rootfs: bundle.rootfs,
    writable: bundle.config.root.readonly !== true || !hasMountPoints(bundle),
    sync: isCopiedBack(bundle, wantsSync),
  };
}

/** Whether a container needs folders of the host beside a root file system on a disk. */
export function needsVolumes(bundle: Bundle, wantsSync: boolean): boolean {
  return isCopiedBack(bundle, wantsSync) || bindMounts(bundle.raw).length > 0;
}

/** On a read-only root a container changes nothing. */
function isCopiedBack({ config }: Bundle, wantsSync: boolean): boolean {
  return wantsSync && config.root.readonly !== true;
}

/**
 * Whether the runtime in the guest has nothing to make in the root file system: then it can be truly read-only. A mount point that is
 * reached by a symbolic link counts as missing.
 */
function hasMountPoints({ rootfs, raw, config }: Bundle): boolean {
  const mounts = planMounts(raw).map(({ destination }) => join("/", destination));
  // Without a mount on /dev the runtime makes devices in the root file system.
  if (!mounts.includes("/dev")) return false;
  const own = mounts.filter(
    (path, index) => !mounts.slice(0, index).some((mount) => path.startsWith(`${mount}/`)),
  );
  return [...own, config.process.cwd].every((path) => isPlainPath(rootfs, path));
}

function isPlainPath(rootfs: string, path: string): boolean {
  let reached = rootfs;
  for (const name of path.split("/").filter(Boolean)) {
    reached = join(reached, name);
    const stat = lstatSync(reached, { throwIfNoEntry: false });
    if (stat === undefined || stat.isSymbolicLink()) return false;
  }
  return true;
}
