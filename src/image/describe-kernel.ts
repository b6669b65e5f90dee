import { statSync } from "node:fs";
import { bufferBytes, hasPvhEntry, searchElf } from "./elf.ts";
import type { ElfWords } from "./elf.ts";
import { findConfigFile, readConfigFile } from "./kernel-config.ts";
import { FEATURE_WORDS, lacksOf } from "./kernel-features.ts";
import type { Lack } from "./kernel-features.ts";
import { inspectKernel } from "./kernel.ts";
import type { KernelFile } from "./kernel.ts";
import { findModulesDir, readModuleTree } from "./modules.ts";
import type { ModuleTree } from "./modules.ts";
import { extractVmlinux } from "./vmlinux.ts";

/** A kernel file and all that can be told about it without starting it. */
export interface KernelDescription {
  path: string;
  format: "elf" | "bzImage";
  release: string;
  sizeBytes: number;
  /** Undefined: it has none, everything must be built in. */
  modules: ModuleTree | undefined;
  /** Where its configuration was read: a file, "built in", or nowhere. */
  configSource: string | undefined;
  lacks: readonly Lack[];
  /** Nothing is known of its drivers: neither configuration nor modules nor a vmlinux to look into. */
  isOpaque: boolean;
  /** The vmlinux of a bzImage, where it was unpacked and has an entry that a VMM can start it at. */
  vmlinux: Buffer | undefined;
}

export interface DescribeOptions {
  /** Folder with its modules.dep; undefined: where `findModulesDir` finds it. */
  modulesDir?: string | undefined;
  /** The vmlinux of a bzImage is wanted. Unpacking takes some tenths of a second, so it is not done for nothing. */
  unpack?: boolean;
}

/**
 * Looks at a kernel: format, modules, configuration, and what it lacks. A bzImage whose configuration is nowhere else is unpacked too.
 * @throws BAD_CONFIG for what is not a kernel.
 */
export async function describeKernel(
  path: string,
  { modulesDir, unpack = false }: DescribeOptions = {},
): Promise<KernelDescription> {
  const file = inspectKernel(path);
  const { release } = file;
  const dir = modulesDir ?? findModulesDir(path, release);
  const modules = dir === undefined ? undefined : readModuleTree(dir);
  const configFile = findConfigFile(path, release);
  const mustUnpack = file.format === "bzImage" && (unpack || configFile === undefined);
  const unpacked = mustUnpack ? await unpackKernel(path, file) : undefined;
  const words = file.format === "elf" ? file : unpacked?.words;
  const config = words?.config ?? (configFile === undefined ? undefined : readConfigFile(configFile));
  return {
    path,
    format: file.format,
    release,
    sizeBytes: statSync(path).size,
    modules,
    configSource: words?.config === undefined ? configFile : "built in",
    lacks: lacksOf({ config, modules, words: words?.found }),
    isOpaque: config === undefined && modules === undefined && words === undefined,
    vmlinux: unpacked?.isStartable ? unpacked.bytes : undefined,
  };
}

/** Undefined where it cannot be undone here: an unknown compression, a missing tool. */
async function unpackKernel(
  path: string,
  { payload }: Extract<KernelFile, { format: "bzImage" }>,
): Promise<{ bytes: Buffer; words: ElfWords; isStartable: boolean } | undefined> {
  if (payload === undefined) return undefined;
  try {
    const bytes = await extractVmlinux(path, payload);
    const elf = bufferBytes(bytes);
    return { bytes, words: searchElf(elf, FEATURE_WORDS), isStartable: hasPvhEntry(elf) };
  } catch {
    return undefined;
  }
}
