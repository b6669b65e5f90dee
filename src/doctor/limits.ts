import { accessSync, constants, statfsSync } from "node:fs";
import { resolve } from "node:path";
import { nearestExisting } from "../base/nearest-existing.ts";
import { cacheDirs } from "../image/cache-dir.ts";
import { defaultImageDirs } from "../image/guest-image.ts";
import { reasonOf } from "../base/system-error.ts";
import { MAX_SOCKET_PATH_BYTES } from "../base/socket-path.ts";
import { isRoot } from "../host/user-namespace.ts";
import { longestSocketPath } from "../state/paths.ts";
import { fail, ok, warn, type Finding } from "../host/finding.ts";
import type { Check } from "./check.ts";
import type { Context } from "./context.ts";
import { readText } from "./host-files.ts";

/** What can run out. */
export const LIMIT_CHECKS: readonly Check[] = [
  { group: "limits", name: "state folder", modes: ["vm", "container"], run: stateFolder },
  { group: "limits", name: "image cache", modes: [], run: imageCache },
  { group: "limits", name: "socket paths", modes: ["vm"], run: socketPaths },
  { group: "limits", name: "open files", modes: [], run: openFiles },
  { group: "limits", name: "memory", modes: [], run: memory },
];

const MIB = 1024 * 1024;
/** A container's logs, trace and record are bounded well below. */
const MIN_STATE_BYTES = 16 * MIB;
/** An unpacked kernel and an initramfs with modules have up to 120 MiB. */
const MIN_CACHE_BYTES = 256 * MIB;
const MIN_OPEN_FILES = 1024;
/** What the VMM (QEMU's translated code most of all), monitor and share take beside the guest's memory. */
const VM_OVERHEAD_MIB = 256;

function stateFolder({ root }: Context): Finding {
  const path = resolve(root);
  const there = nearestExisting(path);
  try {
    accessSync(there, constants.W_OK | constants.X_OK);
  } catch (error) {
    const isReadOnly = (error as NodeJS.ErrnoException).code === "EROFS";
    const first = isReadOnly ? `mount -o remount,rw ${there}` : mendFolder();
    return fail(
      `${there} cannot be written: ${reasonOf(error)}`,
      `${first}; or name another folder: --root DIR`,
    );
  }
  return space(path, there, MIN_STATE_BYTES, "free some space, or name another folder: --root DIR");
}

function mendFolder(): string {
  const isMissing = !isRoot() && (process.env["XDG_RUNTIME_DIR"] ?? "") === "";
  return isMissing ? "log in so that XDG_RUNTIME_DIR is set, or run it with sudo" : "run it with sudo";
}

function imageCache(): Finding {
  const dirs = [...new Set(cacheDirs(defaultImageDirs()))];
  const usable = dirs
    .map((dir) => [dir, nearestExisting(dir)] as const)
    .find(([, there]) => isWritable(there));
  if (usable === undefined) {
    return warn(
      `none of ${dirs.join(", ")} can be written`,
      "mkdir -p /var/lib/nano-sandbox/vm/cache, as root",
    );
  }
  const [dir, there] = usable;
  return space(dir, there, MIN_CACHE_BYTES, `free some space in ${there}: prepared kernels are kept there`);
}

function space(path: string, there: string, minBytes: number, mend: string): Finding {
  const { bavail, bsize } = statfsSync(there);
  const freeMib = Math.floor((bavail * bsize) / MIB);
  const found = `${path}, ${freeMib} MiB free`;
  return freeMib * MIB >= minBytes ? ok(found) : warn(`${found}, expected ${minBytes / MIB}`, mend);
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function socketPaths({ root }: Context): Finding {
  const bytes = Buffer.byteLength(longestSocketPath(resolve(root)));
  const found = `${bytes} of ${MAX_SOCKET_PATH_BYTES} bytes at most, below ${resolve(root)}`;
  if (bytes <= MAX_SOCKET_PATH_BYTES) return ok(found);
  const most = Buffer.byteLength(resolve(root)) - (bytes - MAX_SOCKET_PATH_BYTES);
  return fail(found, `name a folder with a path of at most ${most} bytes: --root DIR`);
}

function openFiles(): Finding {
  const [, soft = "", hard = ""] =
    /^Max open files\s+(\S+)\s+(\S+)/m.exec(readText("/proc/self/limits")) ?? [];
  const found = `${soft}, can be raised to ${hard}`;
  if (soft === "unlimited" || Number(soft) >= MIN_OPEN_FILES) return ok(found);
  return warn(`${found}: a busy share runs out of them`, `ulimit -n ${MIN_OPEN_FILES}`);
}

function memory({ settings }: Context): Finding {
  const availableMib = Math.floor(
    Number(/^MemAvailable:\s+(\d+) kB/m.exec(readText("/proc/meminfo"))?.[1] ?? 0) / 1024,
  );
  const neededMib = settings.memSizeMib + VM_OVERHEAD_MIB;
  const found = `${availableMib} MiB available, a VM takes up to ${neededMib} (${settings.memSizeMib} of the guest and up to ${VM_OVERHEAD_MIB} for VMM, monitor and share)`;
  if (availableMib >= neededMib) return ok(found);
  return warn(found, "give VMs less with --vm-memory, or end something else");
}
