import { closest, editDistance } from "../base/closest.ts";
import { NkError } from "../base/errors.ts";
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

/** A name that differs this little from one of ours is one of ours with a typo: "org.nanosandbox.mode". */
const TYPO_DISTANCE = 3;

/** The settings that a bundle's annotations give. @throws BAD_CONFIG for one that looks like ours and is not: a container must not lose its VM by a typo */
export function settingsFromAnnotations(annotations: Record<string, string>): SourcedSettings[] {
  const unknown = Object.keys(annotations).find(
    (name) => ANNOTATIONS[name] === undefined && looksLikeOurs(name),
  );
  if (unknown !== undefined) throw noAnnotation(unknown);
  return Object.entries(ANNOTATIONS)
    .filter(([name]) => annotations[name] !== undefined)
    .map(([name, setting]) => sourcedSetting(setting, annotations[name], `annotation ${name}`));
}

function looksLikeOurs(name: string): boolean {
  if (name.toLowerCase().startsWith(PREFIX)) return true;
  return Object.keys(ANNOTATIONS).some(
    (own) => Math.abs(own.length - name.length) <= TYPO_DISTANCE && editDistance(own, name) <= TYPO_DISTANCE,
  );
}

function noAnnotation(name: string): NkError {
  const names = Object.keys(ANNOTATIONS);
  const own = name.toLowerCase().startsWith(PREFIX) ? name.slice(PREFIX.length) : name;
  const guess = closest(
    own,
    names.map((known) => known.slice(PREFIX.length)),
  );
  const nearest = guess === undefined ? closest(name, names) : `${PREFIX}${guess}`;
  const mend = nearest === undefined ? `expected one of ${names.join(", ")}` : `did you mean ${nearest}?`;
  return new NkError("BAD_CONFIG", `annotation ${name} is not known: ${mend}`);
}
