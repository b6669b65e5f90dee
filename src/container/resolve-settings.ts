import { settingsFromAnnotations } from "../oci/annotations.ts";
import type { OciConfig } from "../oci/config.ts";
import { DEFAULT_SETTINGS } from "../oci/settings.ts";
import type { PartialSettings, Settings } from "../oci/settings.ts";
import { settingsFromLimits, settingsFromVmSection } from "../oci/vm-size.ts";

/**
 * How this container is run. What comes first here counts most: flags, the bundle's annotations, its `vm` section, the settings
 * files of the host, sizes that follow from the container's limits, built-in defaults.
 */
export function resolveSettings(flags: PartialSettings, config: OciConfig, files: PartialSettings): Settings {
  return {
    ...DEFAULT_SETTINGS,
    ...settingsFromLimits(config),
    ...files,
    ...settingsFromVmSection(config.vm),
    ...settingsFromAnnotations(config.annotations ?? {}),
    ...flags,
  };
}
