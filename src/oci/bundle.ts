import { existsSync, realpathSync } from "node:fs";
import { join, resolve } from "node:path";
import { NkError } from "../base/errors.ts";
import { CONFIG_FILE, isFolder, readConfigText } from "./config-file.ts";
import { checkConfig } from "./config.ts";
import type { OciConfig } from "./config.ts";
import { parseOciJson } from "./oci-json.ts";

/** A bundle (runtime-spec bundle.md) that has been read and checked. */
export interface Bundle {
  /** Absolute path of its folder. */
  path: string;
  /** The members that we read, checked. */
  config: OciConfig;
  /** config.json as it was parsed, with everything in it: what is handed on to runtimes. */
  raw: Record<string, unknown>;
  /** config.json as it was read: what is frozen (frozen-config.ts). */
  text: string;
  /** Absolute path of the container's root file system. */
  rootfs: string;
}

/** Reads and checks `<dir>/config.json`. Throws BAD_CONFIG with file, line or member, and what to change. */
export function loadBundle(dir: string): Bundle {
  const path = resolve(dir);
  const configPath = join(path, CONFIG_FILE);
  const text = readConfigText(path);
  const raw = parseOciJson(text, configPath);
  const config = checkConfig(raw, configPath);
  const rootfs = resolve(path, config.root.path);
  if (!isFolder(rootfs)) {
    const what = existsSync(rootfs) ? "not a folder" : "no such folder";
    const problem = `${what}: ${rootfs}: create it or correct the path`;
    throw new NkError("BAD_CONFIG", `${configPath}: root.path: ${problem}`);
  }
  // A link cannot be mounted elsewhere, what it leads to can.
  return { path, config, raw, text, rootfs: realpathSync(rootfs) };
}

/**
 * As runc does it: a link in root.path may have been made by another container, which can write to a folder on the way. What is true now is held by
 * the shadow later, which follows none.
 * @throws BAD_CONFIG
 */
export function refuseLinkedRoot({ path, config, rootfs }: Bundle): void {
  const named = resolve(realpathSync(path), config.root.path);
  if (named === rootfs) return;
  const problem = `${named} is or leads through a symbolic link: name the folder itself: ${rootfs}`;
  throw new NkError("BAD_CONFIG", `${join(path, CONFIG_FILE)}: root.path: ${problem}`);
}
