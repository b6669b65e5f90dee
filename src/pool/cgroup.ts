import { createHash } from "node:crypto";
import { realpathSync } from "node:fs";
import { join } from "node:path";
import { cgroupFolder, findCgroup, listHierarchies, type CgroupFolders } from "../host/cgroup.ts";

/** Where the VMs of a pool wait: no container's yet. Pools of the same shape below two roots have two. @param folder of the pool */
export function poolCgroup(folder: string): CgroupFolders {
  return findCgroup(nameOf(folder));
}

/** All folders that it may have. */
export function poolCgroupPaths(folder: string): string[] {
  const name = nameOf(folder);
  return listHierarchies().map(({ mountPoint }) => join(mountPoint, name));
}

function nameOf(folder: string): string {
  const hash = createHash("sha256").update(realpathSync(folder)).digest("hex");
  return cgroupFolder(undefined, `pool-${hash.slice(0, 16)}`);
}
