import { settingsFromAnnotations } from "../oci/annotations.ts";
import type { OciConfig } from "../oci/config.ts";
import { DEFAULT_SETTINGS, type Settings, type SourcedSettings } from "../oci/settings.ts";
import { vmResources } from "../oci/pod-limits.ts";
import { settingsFromLimits, settingsFromVmSection } from "../oci/vm-size.ts";
import { bundleMayChoose, namesIn, refuseDenied } from "./bundle-choices.ts";
import type { HostSettings } from "./settings-files.ts";

/** What of a bundle gives settings. */
export type SettingsConfig = Pick<OciConfig, "annotations" | "vm" | "linux">;

/** The settings in force, and by the name of each where it was found: a flag, an annotation …, or "default". */
export interface ResolvedSettings {
  settings: Settings;
  origins: Record<keyof Settings, string>;
}

/**
 * How this container is run. What comes first here counts most: flags, the bundle's annotations, its `vm` section, the settings
 * files of the host, sizes that follow from the container's limits, built-in defaults.
 * @throws BAD_CONFIG for what the bundle chooses and may not (bundle-choices.ts)
 */
export function resolveSettings(
  flags: readonly SourcedSettings[],
  config: SettingsConfig,
  host: HostSettings,
): ResolvedSettings {
  const offered = [...settingsFromVmSection(config.vm), ...settingsFromAnnotations(config.annotations ?? {})];
  const isTaken = (sourced: SourcedSettings): boolean =>
    namesIn(sourced).every((name) => bundleMayChoose(name, host));
  const resolved = merge([
    { source: "default", settings: DEFAULT_SETTINGS },
    ...settingsFromLimits(vmResources(config)),
    ...host.settings,
    ...offered.filter(isTaken),
    ...flags,
  ]);
  const denied = offered.filter((sourced) => !isTaken(sourced));
  refuseDenied(denied, flags, resolved.settings, host);
  return resolved;
}

function merge(leastFirst: readonly SourcedSettings[]): ResolvedSettings {
  const origins = leastFirst.flatMap(({ source, settings }) =>
    Object.keys(settings).map((name) => [name, source] as const),
  );
  return {
    settings: Object.assign({}, ...leastFirst.map(({ settings }) => settings)) as Settings,
    origins: Object.fromEntries(origins) as ResolvedSettings["origins"],
  };
}
