import { existsSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { pruneCache, writableCacheDir, writeWhole } from "./cache-dir.ts";
import { ALIGN_BYTES, cpioArchive, PAGE_BYTES, zerosAfter } from "./cpio.ts";
import { checkGuestKernel, sharesOf } from "./check-kernel.ts";
import { describeKernel } from "./describe-kernel.ts";
import { cacheKey, marksOf } from "./guest-image.ts";
import type { GuestImage, ImageSources, PreparedImage } from "./guest-image.ts";
import { checkInitramfs } from "./initramfs-file.ts";
import { configPlaces } from "./kernel-config.ts";
import type { KernelImage } from "./kernel.ts";
import { modulesPlaces } from "./modules.ts";
import type { ModuleTree } from "./modules.ts";
import { moduleEntries } from "./pack-modules.ts";

/** Makes what `resolveGuestImage` did not find: unpacks the kernel, packs its modules, and notes the result. */
export async function prepareGuestImage(
  sources: ImageSources,
  key: string,
  dirs: readonly string[],
): Promise<GuestImage> {
  checkInitramfs(sources.base);
  const described = await describeKernel(sources.kernel, { unpack: true });
  checkGuestKernel(described);
  const dir = writableCacheDir(dirs);
  pruneCache(dir);
  const { release, lacks, vmlinux } = described;
  const kernel: KernelImage = {
    ...(vmlinux === undefined
      ? { path: sources.kernel, format: described.format }
      : { path: await keepVmlinux(sources.kernel, vmlinux, dir), format: "elf" }),
    file: sources.kernel,
    release,
    shares: sharesOf(described),
    lacks,
  };
  const initrd = await joinInitrd(sources, described.modules, join(dir, `initrd-${key}.cpio`));
  const prepared: PreparedImage = { kernel, initrd, inputs: marksOf(lookedAt(sources.kernel, release)) };
  await writeWhole(join(dir, `image-${key}.json`), JSON.stringify(prepared));
  return { kernel, initrd };
}

/** What `describeKernel` found, or did not, beside the kernel itself. */
function lookedAt(kernel: string, release: string): string[] {
  const indexes = modulesPlaces(kernel, release).map((dir) => join(dir, "modules.dep"));
  return [...indexes, ...configPlaces(kernel, release)];
}

/**
 * A bzImage unpacks itself in the guest, which software emulation makes slow: about 0.4 s at every boot. The vmlinux
 * in it starts at once.
 */
async function keepVmlinux(bzImage: string, vmlinux: Buffer, dir: string): Promise<string> {
  const target = join(dir, `vmlinux-${cacheKey([bzImage])}`);
  if (!existsSync(target)) await writeWhole(target, vmlinux);
  return target;
}

/** The base alone where it serves as it is; else one file, as every VMM takes exactly one. */
async function joinInitrd(
  sources: ImageSources,
  tree: ModuleTree | undefined,
  target: string,
): Promise<string> {
  const added: Buffer[] = [];
  if (tree !== undefined) added.push(cpioArchive(await moduleEntries(tree)));
  if (sources.runc !== undefined) added.push(await readFile(sources.runc));
  const { size } = await stat(sources.base);
  if (added.length === 0 && size % PAGE_BYTES === 0) return sources.base;
  const base = await readFile(sources.base);
  // The kernel skips zeros between archives.
  const whole = Buffer.concat([base, zerosAfter(size, ALIGN_BYTES), ...added]);
  await writeWhole(target, Buffer.concat([whole, zerosAfter(whole.length, PAGE_BYTES)]));
  return target;
}
