import { readdirSync } from "node:fs";
import { join } from "node:path";
import { NkError } from "../base/errors.ts";
import { isObject, kindOf, parseJsonObject } from "../base/json.ts";
import { readNamedFile } from "../base/named-file.ts";
import { reasonOf } from "../base/system-error.ts";
import { sourcedSetting } from "../oci/setting-values.ts";
import type { SettingName } from "../oci/setting-values.ts";
import type { SourcedSettings } from "../oci/settings.ts";

const DEFAULT_DIR = "/etc/nano-sandbox";

/** The members of a settings file. */
const SETTINGS: Record<string, SettingName> = {
  mode: "mode",
  "vm.vcpus": "vcpus",
  "vm.memory": "memSizeMib",
  "vm.kernel": "kernel",
  "vm.rootfs": "rootfs",
  "vm.vmm": "vmm",
  "vm.jailer": "jailer",
  "vm.accel": "accel",
  "vm.share": "share",
  "vm.blockFs": "blockFs",
  "vm.sync": "sync",
  "vm.runtime": "vmRuntime",
  "container.runtime": "hostRuntime",
};

/** `config.json` and then `config.d/*.json` by name; what comes later counts more. NK_CONFIG_DIR names another folder. */
export function settingsFromFiles(dir = process.env["NK_CONFIG_DIR"] ?? DEFAULT_DIR): SourcedSettings[] {
  const dropIns = listJson(join(dir, "config.d"));
  return [join(dir, "config.json"), ...dropIns].flatMap(readSettingsFile);
}

function listJson(dir: string): string[] {
  return unlessMissing(dir, () => readdirSync(dir), [])
    .filter((name) => name.endsWith(".json"))
    .sort()
    .map((name) => join(dir, name));
}

function readSettingsFile(path: string): SourcedSettings[] {
  const text = unlessMissing(path, () => readNamedFile(path).toString("utf8"), "{}");
  return members(parseJsonObject(text, path), path).map(([name, value]) => {
    const setting = SETTINGS[name];
    if (setting === undefined) throw unknown(name, path);
    return sourcedSetting(setting, value, `${path}: ${name}`);
  });
}

/** The leaves: "mode", "vm.vcpus" …; a typo that is silently ignored would be worse than an error. */
function members(document: Record<string, unknown>, path: string): [string, unknown][] {
  return Object.entries(document).flatMap(([name, value]): [string, unknown][] => {
    if (name !== "vm" && name !== "container") return [[name, value]];
    if (!isObject(value))
      throw new NkError("BAD_CONFIG", `${path}: ${name}: expected an object, found ${kindOf(value)}`);
    return Object.entries(value).map(([inner, innerValue]) => [`${name}.${inner}`, innerValue]);
  });
}

function unknown(name: string, path: string): NkError {
  return new NkError(
    "BAD_CONFIG",
    `${path}: unknown setting ${name}: expected one of ${Object.keys(SETTINGS).join(", ")}`,
  );
}

function unlessMissing<T>(path: string, read: () => T, missing: T): T {
  try {
    return read();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return missing;
    throw new NkError("BAD_CONFIG", `cannot read the settings in ${path}: ${reasonOf(cause)}`, { cause });
  }
}
