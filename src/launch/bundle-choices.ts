import { NkError } from "../base/errors.ts";
import { isForVm, SETTINGS, type SettingName } from "../oci/setting-table.ts";
import type { Settings, SourcedSettings } from "../oci/settings.ts";
import { ALLOW_FROM_BUNDLE, type HostSettings } from "./settings-files.ts";

/**
 * May a bundle choose this setting, by an annotation or its `vm` section? What settings files say counts; else all that names nothing of the
 * host: annotations often come from people who may not write config.json, through whoever made it for them.
 */
export function bundleMayChoose(name: SettingName, { allowed }: Pick<HostSettings, "allowed">): boolean {
  return allowed.get(name)?.allowed ?? SETTINGS[name].type.names === undefined;
}

/** The settings that one source of a bundle gives. */
export function namesIn({ settings }: SourcedSettings): SettingName[] {
  return Object.keys(settings) as SettingName[];
}

/**
 * @param denied what the bundle gives and may not choose; none of it is in `settings`
 * @throws BAD_CONFIG for one that would count: no flag says otherwise, and it is not about a VM that there will not be
 */
export function refuseDenied(
  denied: readonly SourcedSettings[],
  flags: readonly SourcedSettings[],
  settings: Settings,
  host: HostSettings,
): void {
  const fromFlags = new Set(flags.flatMap(namesIn));
  for (const sourced of denied) {
    for (const name of namesIn(sourced)) {
      const isUsed = settings.mode === "vm" || !isForVm(SETTINGS[name]);
      if (isUsed && !fromFlags.has(name)) throw mayNotChoose(name, sourced.source, host);
    }
  }
}

function mayNotChoose(name: SettingName, source: string, { allowed, file }: HostSettings): NkError {
  const { flag, key, type } = SETTINGS[name];
  const said = allowed.get(name);
  if (said) {
    const why = `a bundle may not choose it, ${said.source} is false`;
    return new NkError("BAD_CONFIG", `${source}: ${why}: leave it out, or give --${flag}`);
  }
  const permission = JSON.stringify({ [ALLOW_FROM_BUNDLE]: { [key]: true } });
  return new NkError(
    "BAD_CONFIG",
    `${source} names a ${type.names} of the host, which a bundle may not choose: leave it out, give --${flag}, or allow it with ${permission} in ${file}`,
  );
}
