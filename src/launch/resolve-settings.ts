import { settingsFromAnnotations } from "../oci/annotations.ts";
import type { OciConfig } from "../oci/config.ts";
import { DEFAULT_SETTINGS } from "../oci/settings.ts";
import type { Settings, SourcedSettings } from "../oci/settings.ts";
import { settingsFromLimits, settingsFromVmSection } from "../oci/vm-size.ts";

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
 */
export function resolveSettings(
  flags: readonly SourcedSettings[],
  config: SettingsConfig,
  files: readonly SourcedSettings[],
): ResolvedSettings {
  const leastFirst = [
    { source: "default", settings: DEFAULT_SETTINGS },
    ...settingsFromLimits(config),
    ...files,
    ...settingsFromVmSection(config.vm),
    ...settingsFromAnnotations(config.annotations ?? {}),
    ...flags,
  ];
  const origins = leastFirst.flatMap(({ source, settings }) =>
    Object.keys(settings).map((name) => [name, source] as const),
  );
  return {
    settings: Object.assign({}, ...leastFirst.map(({ settings }) => settings)) as Settings,
    origins: Object.fromEntries(origins) as ResolvedSettings["origins"],
  };
}
