import { sourcedSetting } from "./setting-values.ts";
import type { SettingName } from "./setting-values.ts";
import type { SourcedSettings } from "./settings.ts";

const PREFIX = "org.nano-sandbox.";

/**
 * The annotations that decide how a container is run. There is none for the host's runtime and for the jailer: whoever writes a bundle must not choose a
 * program of the host, nor take a fence down.
 */
export const ANNOTATIONS: Record<string, SettingName> = {
  [`${PREFIX}mode`]: "mode",
  [`${PREFIX}vm.vcpus`]: "vcpus",
  [`${PREFIX}vm.memory`]: "memSizeMib",
  [`${PREFIX}vm.kernel`]: "kernel",
  [`${PREFIX}vm.rootfs`]: "rootfs",
  [`${PREFIX}vm.vmm`]: "vmm",
  [`${PREFIX}vm.accel`]: "accel",
  [`${PREFIX}vm.share`]: "share",
  [`${PREFIX}vm.blockFs`]: "blockFs",
  [`${PREFIX}vm.sync`]: "sync",
  [`${PREFIX}vm.runtime`]: "vmRuntime",
};

/** The settings that a bundle's annotations give. */
export function settingsFromAnnotations(annotations: Record<string, string>): SourcedSettings[] {
  return Object.entries(ANNOTATIONS)
    .filter(([name]) => annotations[name] !== undefined)
    .map(([name, setting]) => sourcedSetting(setting, annotations[name], `annotation ${name}`));
}
