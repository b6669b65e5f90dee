import { existsSync, realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { readNamedFile } from "../base/named-file.ts";

/** How a kernel was configured: `y`, `m` or a value, by option with its CONFIG_. What is not set is not in it. */
export type KernelConfig = ReadonlyMap<string, string>;

/** A configuration has some 300 KB as text. */
const MAX_CONFIG_BYTES = 4 * 1024 * 1024;

export function parseKernelConfig(text: string): KernelConfig {
  const lines = text.matchAll(/^(CONFIG_\w+)=(.*)$/gm);
  return new Map([...lines].map(([, option = "", value = ""]) => [option, value]));
}

/**
 * Where the configuration of a kernel may be: `config-RELEASE` beside it, `config` in the folder of its modules (Fedora), which may be
 * its own, or in /boot.
 */
export function configPlaces(kernelPath: string, release: string): string[] {
  if (release === "") return [];
  const folder = dirname(realpathSync(kernelPath));
  return [
    join(folder, `config-${release}`),
    ...(basename(folder) === release ? [join(folder, "config")] : []),
    join("/lib/modules", release, "config"),
    join("/boot", `config-${release}`),
  ];
}

/** The file with a kernel's configuration; undefined when there is none. */
export function findConfigFile(kernelPath: string, release: string): string | undefined {
  return configPlaces(kernelPath, release).find((path) => existsSync(path));
}

export function readConfigFile(path: string): KernelConfig {
  return parseKernelConfig(readNamedFile(path).toString("latin1"));
}

/** Marks around the packed configuration in a kernel with CONFIG_IKCONFIG (kernel: kernel/configs.c). */
export const IKCONFIG_START = "IKCFG_ST";
/** Packed, it has 30 to 70 KB. */
export const MAX_IKCONFIG_BYTES = 512 * 1024;

/** @param bytes from behind the start mark on. Undefined when they hold no configuration. */
export function unpackIkconfig(bytes: Buffer): KernelConfig | undefined {
  const end = bytes.indexOf("IKCFG_ED", 0, "latin1");
  if (end === -1) return undefined;
  try {
    const text = gunzipSync(bytes.subarray(0, end), { maxOutputLength: MAX_CONFIG_BYTES });
    return parseKernelConfig(text.toString("latin1"));
  } catch {
    return undefined;
  }
}
