import { existsSync, readdirSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { asNkError } from "../base/errors.ts";
import { describeKernel, type KernelDescription } from "./describe-kernel.ts";
import { defaultImageDirs } from "./guest-image.ts";

/** A file in the kernels/ of an image folder. */
export interface KernelEntry {
  name: string;
  path: string;
  /** Booted when nobody names another. */
  isDefault: boolean;
  /** Or why it cannot be used. */
  kernel: KernelDescription | { problem: string };
}

/** All kernels of the image folders, best folder first. */
export async function listKernels(imageDirs: readonly string[] = defaultImageDirs()): Promise<KernelEntry[]> {
  const folders = imageDirs.map((dir) => join(dir, "kernels")).filter((folder) => existsSync(folder));
  const chosen = folders.map((folder) => join(folder, "default")).find((path) => existsSync(path));
  const booted = chosen === undefined ? undefined : realpathSync(chosen);
  const entries: KernelEntry[] = [];
  for (const path of folders.flatMap(kernelFiles)) {
    const kernel = await describeKernel(path).catch((error: unknown) => ({
      problem: asNkError(error).message,
    }));
    entries.push({ name: path.slice(path.lastIndexOf("/") + 1), path, isDefault: path === booted, kernel });
  }
  return entries;
}

/** Configurations, modules and what is just being written are no kernels. */
function kernelFiles(folder: string): string[] {
  const real = realpathSync(folder);
  return readdirSync(real, { withFileTypes: true })
    .filter((entry) => entry.isFile() && !/^\.|^config-|\.new/.test(entry.name))
    .map((entry) => join(real, entry.name))
    .sort();
}
