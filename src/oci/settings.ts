import { SETTING_ROWS, SETTINGS, type SettingName } from "./setting-table.ts";
import type { Setting } from "./setting-types.ts";

type ValueOf<Row> =
  Row extends Setting<infer Value, infer Default>
    ? Value | (Default extends undefined ? undefined : never)
    : never;

/**
 * What decides how a container is run, after flags, annotations, settings files and defaults have been merged (in that precedence).
 * What is undefined is found where it is used: the installed guest image's kernel and initramfs, a runtime in PATH.
 */
export type Settings = { [Name in SettingName]: ValueOf<(typeof SETTINGS)[Name]> };

/** Settings of one source: what it does not say is left to the next. */
export type PartialSettings = Partial<Settings>;

/** Settings and where they were found, as messages name it: "--vm-memory", "annotation org.…". */
export interface SourcedSettings {
  source: string;
  settings: PartialSettings;
}

export const DEFAULT_SETTINGS = Object.fromEntries(
  SETTING_ROWS.map(([name, setting]) => [name, setting.default]),
) as Settings;

/**
 * One setting, checked.
 * @param value text or JSON
 * @throws BAD_CONFIG that names the source, what it takes and what was found
 */
export function sourcedSetting(name: SettingName, value: unknown, source: string): SourcedSettings {
  return { source, settings: { [name]: SETTINGS[name].type.read(value, source) } };
}
