import { resolve } from "node:path";
import { defaultOf, isForVm, SETTING_ROWS } from "../oci/setting-table.ts";
import type { Setting } from "../oci/setting-types.ts";
import { sourcedSetting, type SourcedSettings } from "../oci/settings.ts";
import type { Flags, OptionSpec } from "./options.ts";

/** The options that give settings. */
export const SETTING_OPTIONS: readonly OptionSpec[] = SETTING_ROWS.map(([, setting]) => optionOf(setting));

/** How a VM is made. */
export const VM_OPTIONS: readonly OptionSpec[] = SETTING_ROWS.filter(([, setting]) => isForVm(setting)).map(
  ([, setting]) => optionOf(setting),
);

/** How a container starts, and ends. */
const LIFE_OPTIONS = ["vm-start", "vm-end-on-delete"];

/** The same for VMs whose containers come later. */
export const BOOT_OPTIONS: readonly OptionSpec[] = VM_OPTIONS.filter(
  ({ name }) => !LIFE_OPTIONS.includes(name),
);

/** What its card is connected to is settled when a container takes it. */
const CONNECTION_OPTIONS = ["vm-publish", "vm-bridge", "vm-subnet", "vm-subnet6"];

/** The same for VMs that wait for a container. */
export const POOL_OPTIONS: readonly OptionSpec[] = BOOT_OPTIONS.filter(
  ({ name }) => !CONNECTION_OPTIONS.includes(name),
);

export const BUNDLE: OptionSpec = {
  name: "bundle",
  short: "b",
  type: "text",
  value: "DIR",
  help: "folder with config.json (default: the current one)",
};

function optionOf(setting: Setting): OptionSpec {
  const { flag: name, type, help } = setting;
  if (type.placeholder === undefined) return { name, type: "switch", help };
  const words = `${help} (default: ${defaultOf(setting)})`;
  return { name, type: "text", value: type.placeholder, help: words, ...(type.many && { many: true }) };
}

/** @throws BAD_CONFIG with the flag and what it takes. */
export function settingsFromFlags(flags: Flags): SourcedSettings[] {
  return SETTING_ROWS.filter(([, { flag }]) => flags.has(flag)).map(([name, { flag, type }]) => {
    if (type.many) return sourcedSetting(name, flags.texts(flag), `--${flag}`);
    const text = flags.text(flag) ?? "";
    const value = type.names === "file" && text !== "" ? resolve(text) : text;
    return sourcedSetting(name, value, `--${flag}`);
  });
}
