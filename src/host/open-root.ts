import { statSync } from "node:fs";
import { dirname, relative } from "node:path";

/** Permission to search a folder, for those who are neither its owner nor in its group. */
const OTHERS_SEARCH = 0o001;

/** A root file system that ordinary users of the host can reach, in words. */
export interface OpenRoot {
  found: string;
  mend: string;
}

/**
 * Whether users of the host can reach the files of a root file system: they run what a container has made a set-user-ID program there
 * (docs/threat-model.md). The mode of the root file system itself does not count: the container may change it. podman, containerd
 * and docker keep theirs below a folder that is closed (0700 or 0710), so it is they who hear nothing of this.
 * @param rootfs absolute, without links
 */
export function findOpenRoot(rootfs: string, bundle: string): OpenRoot | undefined {
  if (foldersAbove(rootfs).some((folder) => (statSync(folder).mode & OTHERS_SEARCH) === 0)) return undefined;
  const inBundle = /^[^/.]/.test(relative(bundle, rootfs));
  return {
    found: `users of this host can run what a container makes a set-user-ID program in ${rootfs}`,
    mend: inBundle ? `chmod 700 ${bundle}` : "move it into a folder of mode 0700",
  };
}

function foldersAbove(path: string): string[] {
  const above = dirname(path);
  return above === path ? [] : [above, ...foldersAbove(above)];
}
