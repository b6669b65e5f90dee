import { readdirSync } from "node:fs";
import { join } from "node:path";
import { NkError } from "../base/errors.ts";
import { isObject, kindOf, parseJsonObject } from "../base/json.ts";
import { readNamedFile } from "../base/named-file.ts";
import { reasonOf } from "../base/system-error.ts";
import { SETTING_ROWS, type SettingName } from "../oci/setting-table.ts";
import { SWITCH } from "../oci/setting-types.ts";
import { sourcedSetting, type SourcedSettings } from "../oci/settings.ts";

const DEFAULT_DIR = "/etc/nano-sandbox";

/** The section of a settings file that says which settings a bundle may choose: `{"vm.kernel": true, "mode": false}`. */
export const ALLOW_FROM_BUNDLE = "allowFromBundle";

/** What the administrator of the host has set. */
export interface HostSettings {
  settings: SourcedSettings[];
  /** Which settings a bundle may choose, and which member says so; others go by their kind (bundle-choices.ts). */
  allowed: ReadonlyMap<SettingName, { allowed: boolean; source: string }>;
  /** Where more can be set, for messages. */
  file: string;
}

/** The members of a settings file, those of a section as `SECTION.MEMBER`. */
const MEMBERS = new Map<string, SettingName>(SETTING_ROWS.map(([name, { key }]) => [key, name]));
/** Those that say what a bundle may choose: of what it has a word for. */
const PERMISSIONS = new Map<string, SettingName>(
  SETTING_ROWS.filter(([, { annotation }]) => annotation).map(([name, { key }]) => [
    `${ALLOW_FROM_BUNDLE}.${key}`,
    name,
  ]),
);
const SECTIONS = new Set([...MEMBERS.keys(), ...PERMISSIONS.keys()].flatMap(sectionOf));

interface Member {
  name: string;
  value: unknown;
  /** The file and the name. */
  source: string;
}

/** `config.json` and then `config.d/*.json` by name; what comes later counts more. NK_CONFIG_DIR names another folder. */
export function settingsFromFiles(dir = process.env["NK_CONFIG_DIR"] ?? DEFAULT_DIR): HostSettings {
  const file = join(dir, "config.json");
  const members = [file, ...listJson(join(dir, "config.d"))].flatMap(readMembers);
  return {
    settings: members.flatMap(({ name, value, source }) => {
      const setting = MEMBERS.get(name);
      return setting === undefined ? [] : [sourcedSetting(setting, value, source)];
    }),
    allowed: new Map(
      members.flatMap(({ name, value, source }) => {
        const setting = PERMISSIONS.get(name);
        return setting === undefined ? [] : [[setting, { allowed: SWITCH.read(value, source), source }]];
      }),
    ),
    file,
  };
}

function listJson(dir: string): string[] {
  return unlessMissing(dir, () => readdirSync(dir), [])
    .filter((name) => name.endsWith(".json"))
    .sort()
    .map((name) => join(dir, name));
}

/** A typo that is silently ignored would be worse than an error. */
function readMembers(path: string): Member[] {
  const text = unlessMissing(path, () => readNamedFile(path).toString("utf8"), "{}");
  return leaves(parseJsonObject(text, path), path).map(([name, value]) => {
    if (!MEMBERS.has(name) && !PERMISSIONS.has(name)) throw unknown(name, path);
    return { name, value, source: `${path}: ${name}` };
  });
}

/** "mode", "vm.vcpus" … */
function leaves(document: Record<string, unknown>, path: string): [string, unknown][] {
  return Object.entries(document).flatMap(([name, value]): [string, unknown][] => {
    if (!SECTIONS.has(name)) return [[name, value]];
    if (!isObject(value))
      throw new NkError("BAD_CONFIG", `${path}: ${name}: expected an object, found ${kindOf(value)}`);
    return Object.entries(value).map(([inner, innerValue]) => [`${name}.${inner}`, innerValue]);
  });
}

/** "vm" of "vm.vcpus". */
function sectionOf(name: string): string[] {
  return name.split(".").slice(0, -1).slice(0, 1);
}

function unknown(name: string, path: string): NkError {
  const names = name.startsWith(`${ALLOW_FROM_BUNDLE}.`)
    ? PERMISSIONS.keys()
    : [...MEMBERS.keys(), ALLOW_FROM_BUNDLE];
  return new NkError(
    "BAD_CONFIG",
    `${path}: unknown setting ${name}: expected one of ${[...names].join(", ")}`,
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
