import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { NkError } from "../base/errors.ts";
import { pruneCache, writableCacheDir, writeWhole } from "./cache-dir.ts";
import { cpioArchive } from "./cpio.ts";
import { cacheKey } from "./guest-image.ts";
import type { GuestImage, ImageSources } from "./guest-image.ts";
import { inspectKernel } from "./kernel.ts";
import type { KernelFile, KernelImage } from "./kernel.ts";
import { findModulesDir, readModuleTree } from "./modules.ts";
import type { ModuleTree } from "./modules.ts";
import { moduleEntries, shareKinds } from "./pack-modules.ts";
import { extractVmlinux } from "./vmlinux.ts";

/** Makes what `resolveGuestImage` did not find: unpacks the kernel, packs its modules, and notes the result. */
export async function prepareGuestImage(
  sources: ImageSources,
  key: string,
  dirs: readonly string[],
): Promise<GuestImage> {
  const dir = writableCacheDir(dirs);
  pruneCache(dir);
  const original = inspectKernel(sources.kernel);
  const unpacked = await unpackKernel(
    sources.kernel,
    original,
    join(dir, `vmlinux-${cacheKey([sources.kernel])}`),
  );
  const modulesDir = findModulesDir(sources.kernel, original.release);
  const tree = modulesDir === undefined ? undefined : readModuleTree(modulesDir);
  const kernel: KernelImage = {
    path: unpacked?.path ?? sources.kernel,
    format: unpacked ? "elf" : original.format,
    release: original.release,
    shares: tree ? shareKinds(tree) : builtinShares(unpacked?.file ?? original, sources.kernel),
  };
  const image = { kernel, initrd: await joinInitrd(sources, tree, join(dir, `initrd-${key}.cpio`)) };
  await writeWhole(join(dir, `image-${key}.json`), JSON.stringify(image));
  return image;
}

/**
 * A bzImage unpacks itself in the guest, which software emulation makes slow: about 0.4 s at every boot. The vmlinux
 * in it starts at once where it has a PVH entry. Undefined: start the file as it is.
 */
async function unpackKernel(
  path: string,
  file: KernelFile,
  target: string,
): Promise<{ path: string; file: KernelFile } | undefined> {
  if (file.format !== "bzImage" || file.payload === undefined) return undefined;
  try {
    if (!existsSync(target)) await writeWhole(target, await extractVmlinux(path, file.payload));
    return { path: target, file: inspectKernel(target) };
  } catch {
    return undefined;
  }
}

/** A kernel without modules must have everything built in; what an ELF file does not name is not there. */
function builtinShares(file: KernelFile, path: string): KernelImage["shares"] {
  if (file.format === "bzImage") return ["virtiofs", "9p"];
  for (const [driver, config] of [
    ["virtio-mmio", "CONFIG_VIRTIO_MMIO"],
    ["virtio_console", "CONFIG_VIRTIO_CONSOLE"],
  ] as const) {
    if (!file.drivers.has(driver)) throw lacks(path, file.release, config);
  }
  const shares: ("virtiofs" | "9p")[] = [];
  if (file.drivers.has("virtiofs")) shares.push("virtiofs");
  if (file.drivers.has("9pnet_virtio")) shares.push("9p");
  if (shares.length === 0) throw lacks(path, file.release, "CONFIG_VIRTIO_FS or CONFIG_NET_9P_VIRTIO");
  return shares;
}

function lacks(path: string, release: string, config: string): NkError {
  const dir = `/lib/modules/${release}`;
  return new NkError(
    "BAD_CONFIG",
    `the guest kernel ${path} (${release}) has ${config} not built in, and no modules were found: looked for ${dir}/modules.dep and modules-${release} beside the kernel`,
    { see: "scripts/build-kernel.sh --distro makes a kernel with its modules" },
  );
}

/** The base alone where nothing is added; else one file, as every VMM takes exactly one. */
async function joinInitrd(
  sources: ImageSources,
  tree: ModuleTree | undefined,
  target: string,
): Promise<string> {
  const added: Buffer[] = [];
  if (tree !== undefined) added.push(cpioArchive(await moduleEntries(tree)));
  if (sources.runc !== undefined) added.push(await readFile(sources.runc));
  if (added.length === 0) return sources.base;
  const base = await readFile(sources.base);
  // An archive must start at a multiple of four; the kernel skips zeros between archives.
  const gap = Buffer.alloc((4 - (base.length % 4)) % 4);
  await writeWhole(target, Buffer.concat([base, gap, ...added]));
  return target;
}
