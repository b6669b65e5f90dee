import { execFileSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { BundleOptions } from "../fixtures/make-bundle.ts";

/** What a guest gets of the host's files, seen by a container that is root of its guest. */

const CAPABILITIES =
  "AUDIT_CONTROL AUDIT_READ AUDIT_WRITE BLOCK_SUSPEND CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID IPC_LOCK IPC_OWNER KILL LEASE " +
  "LINUX_IMMUTABLE MAC_ADMIN MAC_OVERRIDE MKNOD NET_ADMIN NET_BIND_SERVICE NET_BROADCAST NET_RAW SETFCAP SETGID SETPCAP SETUID " +
  "SYS_ADMIN SYS_BOOT SYS_CHROOT SYS_MODULE SYS_NICE SYS_PACCT SYS_PTRACE SYS_RAWIO SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG SYSLOG WAKE_ALARM";

/** A container with all capabilities that shares its guest's namespaces but for mounts and names: it reaches the agent's files by /proc/1/root. */
export const ROOT_OF_THE_GUEST: BundleOptions = {
  capabilities: CAPABILITIES.split(" ").map((name) => `CAP_${name}`),
  noNewPrivileges: false,
  linux: {
    namespaces: [{ type: "mount" }, { type: "uts" }],
    maskedPaths: [],
    readonlyPaths: [],
    resources: { devices: [{ allow: true, access: "rwm" }] },
  },
};

/** Files of the host that no guest may see, in the folders that everybody knows. */
export class Markers {
  readonly name = `nk-marker-${process.pid}`;
  private readonly paths = ["/", "/root", "/etc", "/tmp", "/var"].map((folder) => join(folder, this.name));

  constructor() {
    for (const path of this.paths) writeFileSync(path, "a secret of the host\n");
  }

  remove(): void {
    for (const path of this.paths) rmSync(path, { force: true });
  }
}

/**
 * Prints, for each file system of the guest that comes from the host, `@ TYPE` and what is in it: what the agent has mounted, the virtiofs
 * device mounted once more, and the disks. Then every file of the guest, by `find`, whose name is that of a marker.
 */
export function lookAround(marker: string): string {
  return `
    show() { echo "@ $1"; (cd "$2" && find . -xdev | sort); }
    awk '$5 != "/" { for (i = 7; $i != "-"; i++); if ($(i + 1) == "virtiofs" || $(i + 1) == "9p") print $(i + 1), $5 }' /proc/1/mountinfo |
      while read -r type point; do show $type "/proc/1/root$point"; done
    if mount -t virtiofs nkroot /tmp/look 2>/dev/null; then show virtiofs /tmp/look; umount /tmp/look; fi
    for disk in /proc/1/root/dev/vd?; do
      [ -b "$disk" ] || continue
      for type in erofs ext4; do
        if mount -t $type "$disk" /tmp/look 2>/dev/null || mount -t $type -o ro "$disk" /tmp/look 2>/dev/null; then show $type /tmp/look; umount /tmp/look; fi
      done
    done
    echo "@ markers"
    find /proc/1/root/ \\( -path /proc/1/root/proc -o -path /proc/1/root/sys \\) -prune -o -name ${marker} -print 2>/dev/null
    echo "@ end"`;
}

/** The parts of what `lookAround` printed: a type, and the paths below it. */
export function partsOf(output: string): { type: string; paths: string[] }[] {
  return output
    .split(/^@ /m)
    .slice(1)
    .map((part) => {
      const [type = "", ...paths] = part.trimEnd().split("\n");
      return { type, paths };
    });
}

/** What a share or a disk has of ours beside the container's files: where they begin, and what the file systems need. */
const OURS = /^\.(\/(rootfs|proof|\d+|upper|work|work\/(work|index)|lost\+found))?$/;

/** The folder of the sandbox's tree on which that of the container is mounted. */
const JOINED = /^\.\/rootfs\/c-[0-9a-f]{12}/;

/** Those of a part's paths that are in none of the container's folders, wherever in the part these begin. */
export function foreignTo(folders: readonly string[], paths: readonly string[]): string[] {
  const known = new Set(folders.flatMap(pathsOf));
  return paths
    .map((path) => path.replace(JOINED, "."))
    .filter((path) => !OURS.test(path) && !known.has(path) && !known.has(path.replace(/^\.\/[^/]+/, ".")));
}

/** All paths of a folder, as `find` in the guest says them. */
function pathsOf(folder: string): string[] {
  const found = execFileSync("find", [".", "-xdev"], { cwd: folder, encoding: "utf8" });
  return found.trimEnd().split("\n");
}
