import { createHash } from "node:crypto";
import { existsSync, readFileSync, realpathSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { NkError } from "../base/errors.ts";
import { reasonOf } from "../base/system-error.ts";
import { cacheDirs, markUsed } from "./cache-dir.ts";
import type { KernelImage } from "./kernel.ts";

/** What a VM boots from. */
export interface GuestImage {
  kernel: KernelImage;
  /** Path of one initramfs: agent, in-VM runtime and, where the kernel needs them, its modules. */
  initrd: string;
}

/** A guest image as it is kept. */
export interface PreparedImage extends GuestImage {
  /** Files beside the sources that it depends on, as they were: indexes of modules, configurations. */
  inputs: Record<string, string>;
}

export interface GuestImageOptions {
  /** A kernel to use; undefined: `kernels/default` of the first image folder that has one. */
  kernel?: string | undefined;
  /** An initramfs to use; undefined: `rootfs/initramfs.cpio` likewise. */
  rootfs?: string | undefined;
  runtime: "crun" | "runc";
  /** Folders with kernels/ and rootfs/; undefined: beside the bundle, then the installed one. */
  imageDirs?: readonly string[] | undefined;
}

/** The files that a guest image is made of, resolved. */
export interface ImageSources {
  kernel: string;
  base: string;
  /** The archive with runc, only for `runtime: "runc"`. */
  runc: string | undefined;
}

const INSTALLED_DIR = "/var/lib/nano-sandbox/vm";

/** Raise it when the meaning of a prepared image changes: older ones are then not used any more. */
const CACHE_VERSION = 4;

/**
 * Finds, and prepares on first use, the kernel and the initramfs of a guest. What was prepared is kept, named by
 * path, size and time of its sources, so that later calls cost some `stat`s and one small read.
 *
 * @throws BAD_CONFIG when a file is missing or not what it should be, or the kernel lacks what the guest needs.
 */
export async function resolveGuestImage(options: GuestImageOptions): Promise<GuestImage> {
  const imageDirs = options.imageDirs ?? defaultImageDirs();
  const sources = findSources(options, imageDirs);
  const files = [sources.kernel, sources.base, sources.runc].filter((path) => path !== undefined);
  const key = cacheKey(files);
  const dirs = cacheDirs(imageDirs);
  for (const path of dirs.map((dir) => join(dir, `image-${key}.json`))) {
    const ready = readPrepared(path);
    if (ready === undefined) continue;
    markUsed([path, ready.kernel.path, ready.initrd]);
    return ready;
  }
  const { prepareGuestImage } = await import("./prepare-image.ts");
  return await prepareGuestImage(sources, key, dirs);
}

/** Beside the bundle, then the installed one. */
export function defaultImageDirs(): string[] {
  return [join(dirname(realpathSync(process.argv[1] ?? ".")), "image"), INSTALLED_DIR];
}

function findSources(options: GuestImageOptions, imageDirs: readonly string[]): ImageSources {
  const kernel = options.kernel ?? findInImage(imageDirs, "kernels/default", "guest kernel");
  const base = options.rootfs ?? findInImage(imageDirs, "rootfs/initramfs.cpio", "guest initramfs");
  const runc =
    options.runtime === "runc"
      ? findInImage(imageDirs, "rootfs/initramfs-runc.cpio", "runc for the guest")
      : undefined;
  return {
    kernel: realFile(kernel, "guest kernel", "--vm-kernel"),
    base: realFile(base, "guest initramfs", "--vm-rootfs"),
    runc,
  };
}

function findInImage(imageDirs: readonly string[], name: string, what: string): string {
  const candidates = imageDirs.map((dir) => join(dir, name));
  const found = candidates.find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new NkError("BAD_CONFIG", `there is no ${what}: looked for ${candidates.join(" and ")}`, {
    see: name.includes("runc")
      ? "install runc, then run scripts/build-rootfs.sh"
      : "scripts/quickstart.sh makes the guest image",
  });
}

function realFile(path: string, what: string, flag: string): string {
  try {
    const real = realpathSync(path);
    if (statSync(real).isFile()) return real;
  } catch (cause) {
    const problem = `cannot read the ${what} ${path}: ${reasonOf(cause)}`;
    throw new NkError("BAD_CONFIG", `${problem}: name another with ${flag}`, { cause });
  }
  throw new NkError("BAD_CONFIG", `the ${what} ${path} is not a file: name another with ${flag}`);
}

/** A short name for some files as they are now. */
export function cacheKey(files: readonly string[]): string {
  return createHash("sha256")
    .update(JSON.stringify([CACHE_VERSION, marksOf(files)]))
    .digest("hex")
    .slice(0, 20);
}

/** How files are now, by their paths: changes when they do, also when they come or go. */
export function marksOf(files: readonly string[]): Record<string, string> {
  return Object.fromEntries(files.map((path) => [path, markOf(path)]));
}

function markOf(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? "none" : `${stat.size} ${stat.mtimeMs} ${stat.ino}`;
}

function readPrepared(path: string): GuestImage | undefined {
  try {
    const { kernel, initrd, inputs } = JSON.parse(readFileSync(path, "utf8")) as PreparedImage;
    const isFresh = Object.entries(inputs).every(([input, mark]) => markOf(input) === mark);
    return isFresh && existsSync(kernel.path) && existsSync(initrd) ? { kernel, initrd } : undefined;
  } catch {
    return undefined;
  }
}
