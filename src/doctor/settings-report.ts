import { bundleMayChoose } from "../launch/bundle-choices.ts";
import type { ResolvedSettings } from "../launch/resolve-settings.ts";
import { ALLOW_FROM_BUNDLE, type HostSettings } from "../launch/settings-files.ts";
import { defaultOf, SETTING_ROWS, type SettingName } from "../oci/setting-table.ts";
import type { Settings } from "../oci/settings.ts";
import type { Setting } from "../oci/setting-types.ts";

/** A member of a settings file, its value, and where that was found. */
export interface ReportedSetting {
  name: string;
  value: string | number | boolean | null;
  origin: string;
}

/** The settings in force, and which of them a bundle may choose on this host. */
export function reportSettings(
  { settings, origins }: ResolvedSettings,
  host: Pick<HostSettings, "allowed">,
): ReportedSetting[] {
  const inForce = SETTING_ROWS.map(([name, { key }]) => ({
    name: key,
    value: plainValue(settings[name]),
    origin: origins[name],
  }));
  const allowed = SETTING_ROWS.filter(([, { annotation }]) => annotation).map(([name, { key }]) => ({
    name: `${ALLOW_FROM_BUNDLE}.${key}`,
    value: bundleMayChoose(name, host),
    origin: host.allowed.get(name)?.source ?? "default",
  }));
  return [...inForce, ...allowed];
}

function plainValue(value: Settings[SettingName]): ReportedSetting["value"] {
  if (value === undefined) return null;
  return typeof value === "object" ? value.join(",") || null : value;
}

/** As a table: the name, the value, and where it came from. */
export function formatSettings(reported: readonly ReportedSetting[]): string {
  const rows = new Map(SETTING_ROWS.map(([, setting]) => [setting.key, setting]));
  const cells = reported.map(({ name, value, origin }) => [name, shown(value, rows.get(name)), origin]);
  const all = [["SETTING", "VALUE", "FROM"], ...cells];
  const width = (column: number): number => Math.max(...all.map((row) => row[column]?.length ?? 0)) + 3;
  const [first, second] = [width(0), width(1)];
  return all
    .map(([name = "", value = "", origin = ""]) => `${name.padEnd(first)}${value.padEnd(second)}${origin}\n`)
    .join("");
}

/** With its unit; for an unset one what it comes to. */
function shown(value: ReportedSetting["value"], setting?: Setting): string {
  if (value === null) return `(${setting === undefined ? "not set" : defaultOf(setting)})`;
  return setting?.type.unit === undefined ? `${value}` : `${value} ${setting.type.unit}`;
}
