import { lstatSync } from "node:fs";
import { join } from "node:path";
import type { DiskRoot } from "../contract/job.ts";
import type { Bundle } from "../oci/bundle.ts";
import { bindMounts, planMounts } from "../oci/guest-mounts.ts";

/** What `--vm-share=block` makes of a bundle. @param wantsSync `--vm-sync` */
export function diskRoot(bundle: Bundle, wantsSync: boolean): DiskRoot {
  // On a read-only root a container changes nothing.
  const sync = wantsSync && bundle.config.root.readonly !== true;
  return {
    rootfs: bundle.rootfs,
    writable: bundle.config.root.readonly !== true || !hasMountPoints(bundle),
    hasVolumes: sync || bindMounts(bundle.raw).length > 0,
    sync,
  };
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
