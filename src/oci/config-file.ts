import { statSync } from "node:fs";
import { join } from "node:path";
import { NkError } from "../base/errors.ts";
import { readNamedFile } from "../base/named-file.ts";
import { reasonOf } from "../base/system-error.ts";
import { parseOciJson } from "./oci-json.ts";

export const CONFIG_FILE = "config.json";

/** Reads config.json of a bundle. Throws BAD_CONFIG with the file and what to change. */
export function readConfigText(bundlePath: string): string {
  const configPath = join(bundlePath, CONFIG_FILE);
  try {
    return readNamedFile(configPath).toString("utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT" && code !== "ENOTDIR") throw unreadable(configPath, error);
    throw isFolder(bundlePath) ? noConfig(bundlePath) : noBundle(bundlePath);
  }
}

/** The same, parsed, without checking what it says. Throws BAD_CONFIG with file, line and what to change. */
export function readConfigFile(bundlePath: string): Record<string, unknown> {
  return parseOciJson(readConfigText(bundlePath), join(bundlePath, CONFIG_FILE));
}

export function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

function noBundle(path: string): NkError {
  return new NkError("BAD_CONFIG", `no such bundle folder: ${path}: name it with --bundle DIR`);
}

function unreadable(path: string, cause: unknown): NkError {
  return new NkError("BAD_CONFIG", `cannot read ${path}: ${reasonOf(cause)}`, { cause });
}

function noConfig(path: string): NkError {
  return new NkError(
    "BAD_CONFIG",
    `JSON specification file ${CONFIG_FILE} not found in ${path}: name the bundle with --bundle DIR, or make one: "nk-runtime bundle" of an image, "nk-runtime spec" of a root file system`,
  );
}
