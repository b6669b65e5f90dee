import { realpathSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { deviceNumbers } from "../host/device-numbers.ts";
import { holdsBelow, MS, parseMountOptions } from "../host/mount-flags.ts";
import { mountTable, type MountedAt } from "../host/mount-table.ts";
import type { Bundle } from "../oci/bundle.ts";
import { planMounts, rawMounts } from "../oci/guest-mounts.ts";

type Json = Record<string, unknown>;

/** What files are kept on. Of others, those of kernels, networks and users, one does not look before they are used. */
const KEEPS_FILES =
  /^(ext[234]|xfs|btrfs|f2fs|bcachefs|zfs|tmpfs|ramfs|overlay|vfat|exfat|ntfs3|iso9660|udf|squashfs|erofs|virtiofs)$/;
const OWN_FLAGS = ["ro", "nosuid", "nodev", "noexec", "noatime", "nodiratime"];
/** Each is a mount for the guest's runtime to make. */
const MAX_SUBMOUNTS = 64;

/**
 * The mounts of a bundle's config.json, with one for each file system that is mounted below the source of a recursive bind. A share shows them without any: the
 * guest would see one mount, and a bind that is to be read-only, which on a host is its top alone, would have them read-only as well. Those of a bind that
 * follows the host's mounts are left to come and go.
 */
export function withSubmounts({ raw, path }: Bundle): Json {
  const planned = planMounts(raw);
  const table = mountTable();
  return {
    ...raw,
    mounts: rawMounts(raw).flatMap((mount, index) => {
      const plan = planned[index];
      if (plan?.kind !== "bind") return [mount];
      const below = submountsOf(resolve(path, plan.source), plan.options, table);
      return [mount, ...below.map((at) => bindOf(at, plan.destination, plan.options))];
    }),
  };
}

interface Submount extends MountedAt {
  /** Below the source. */
  name: string;
}

function submountsOf(source: string, options: readonly string[], table: readonly MountedAt[]): Submount[] {
  const { flags, propagation } = parseMountOptions(options);
  if (!(flags & MS.REC) || propagation & (MS.SLAVE | MS.SHARED)) return [];
  const top = realPath(source);
  if (top === undefined) return [];
  const prefix = top === "/" ? top : `${top}/`;
  const found = table.filter((at) => at.path.startsWith(prefix) && at.path !== top && isSeen(at));
  if (found.length > MAX_SUBMOUNTS) return [];
  return found.map((at) => ({ ...at, name: at.path.slice(prefix.length) }));
}

/** One that another covers, or of which nobody knows how long a look takes, is not. */
function isSeen({ path, type, device }: MountedAt): boolean {
  if (!KEEPS_FILES.test(type)) return false;
  try {
    return deviceNumbers(statSync(path).dev) === device;
  } catch {
    return false;
  }
}

function bindOf({ path, name, options }: Submount, destination: string, ofParent: readonly string[]): Json {
  const own = options.filter((option) => OWN_FLAGS.includes(option));
  const inherited = ofParent.filter(holdsBelow);
  return {
    destination: join(destination, name),
    type: "bind",
    source: path,
    options: ["rbind", ...own, ...inherited],
  };
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined; // whoever mounts it says so
  }
}
