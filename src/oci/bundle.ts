import { readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { NkError } from "../base/errors.ts";
import { parseJsonObject } from "../base/json.ts";
import { checkConfig } from "./config.ts";
import type { OciConfig } from "./config.ts";

export const CONFIG_FILE = "config.json";

/** A bundle (runtime-spec bundle.md) that has been read and checked. */
export interface Bundle {
  /** Absolute path of its folder. */
  path: string;
  /** The members that we read, checked. */
  config: OciConfig;
  /** config.json as it was parsed, with everything in it: what is handed on to runtimes. */
  raw: Record<string, unknown>;
  /** Absolute path of the container's root file system. */
  rootfs: string;
}

/** Reads and checks `<dir>/config.json`. Throws BAD_CONFIG with file, line or member, and what to change. */
export function loadBundle(dir: string): Bundle {
  const path = resolve(dir);
  const configPath = join(path, CONFIG_FILE);
  const raw = parseJsonObject(readConfig(path, configPath), configPath);
  const config = checkConfig(raw, configPath);
  const rootfs = resolve(path, config.root.path);
  if (!isFolder(rootfs)) {
    throw new NkError(
      "BAD_CONFIG",
      `${configPath}: root.path: no such folder: ${rootfs}: create it or correct the path`,
    );
  }
  return { path, config, raw, rootfs };
}

/** config.json of a bundle that was checked when its container was created. */
export function readRawConfig(bundlePath: string): Record<string, unknown> {
  const configPath = join(bundlePath, CONFIG_FILE);
  return parseJsonObject(readConfig(bundlePath, configPath), configPath);
}

function readConfig(path: string, configPath: string): string {
  try {
    return readFileSync(configPath, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT" && code !== "ENOTDIR") throw error;
    if (!isFolder(path)) {
      throw new NkError("BAD_CONFIG", `no such bundle folder: ${path}: name it with --bundle DIR`);
    }
    throw new NkError(
      "BAD_CONFIG",
      `JSON specification file ${CONFIG_FILE} not found in ${path}: name the bundle with --bundle DIR, or write one with "nk-runtime spec"`,
    );
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
