import type { ResolvedSettings } from "../launch/resolve-settings.ts";
import type { SettingName } from "../oci/setting-values.ts";

/** A setting as people know it, its value, and where that was found. */
export interface SettingRow {
  name: string;
  value: string | number | boolean | null;
  origin: string;
}

/** Names as in the settings files, and what an unset one comes to. */
const ROWS: readonly [SettingName, string, unset?: string][] = [
  ["mode", "mode"],
  ["vcpus", "vm.vcpus"],
  ["memSizeMib", "vm.memory"],
  ["kernel", "vm.kernel", "kernels/default of the guest image"],
  ["rootfs", "vm.rootfs", "rootfs/initramfs.cpio of the guest image"],
  ["vmm", "vm.vmm"],
  ["jailer", "vm.jailer"],
  ["accel", "vm.accel"],
  ["share", "vm.share"],
  ["blockFs", "vm.blockFs"],
  ["sync", "vm.sync"],
  ["vmRuntime", "vm.runtime"],
  ["hostRuntime", "container.runtime", "runc, else crun"],
];

export function settingRows({ settings, origins }: ResolvedSettings): SettingRow[] {
  return ROWS.map(([setting, name]) => ({
    name,
    value: settings[setting] ?? null,
    origin: origins[setting],
  }));
}

/** As a table: the name, the value, and where it came from. */
export function formatSettings(rows: readonly SettingRow[]): string {
  const unset = new Map(ROWS.map(([, name, words]) => [name, words]));
  const cells = rows.map(({ name, value, origin }) => [
    name,
    value === null ? `(${unset.get(name) ?? "not set"})` : `${value}${name === "vm.memory" ? " MiB" : ""}`,
    origin,
  ]);
  const all = [["SETTING", "VALUE", "FROM"], ...cells];
  const width = (column: number): number => Math.max(...all.map((row) => row[column]?.length ?? 0)) + 3;
  const [first, second] = [width(0), width(1)];
  return all
    .map(([name = "", value = "", origin = ""]) => `${name.padEnd(first)}${value.padEnd(second)}${origin}\n`)
    .join("");
}
