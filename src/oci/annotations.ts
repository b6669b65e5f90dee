import { closest, editDistance } from "../base/closest.ts";
import { NkError } from "../base/errors.ts";
import { SETTING_ROWS, SETTINGS, type SettingName } from "./setting-table.ts";
import { sourcedSetting, type SourcedSettings } from "./settings.ts";

const PREFIX = "org.nano-sandbox.";

/** The annotations that decide how a container is run. */
export const ANNOTATIONS: ReadonlyMap<string, SettingName> = new Map(
  SETTING_ROWS.filter(([, { annotation }]) => annotation).map(([name, { key }]) => [`${PREFIX}${key}`, name]),
);

/** Those that name something of the host. */
export const HOST_ANNOTATIONS: readonly string[] = [...ANNOTATIONS]
  .filter(([, name]) => SETTINGS[name].type.names !== undefined)
  .map(([annotation]) => annotation);

/** A name that differs this little from one of ours is one of ours with a typo: "org.nanosandbox.mode". */
const TYPO_DISTANCE = 3;

/** The settings that a bundle's annotations give. @throws BAD_CONFIG for one that looks like ours and is not: a container must not lose its VM by a typo */
export function settingsFromAnnotations(annotations: Record<string, string>): SourcedSettings[] {
  const unknown = Object.keys(annotations).find((name) => !ANNOTATIONS.has(name) && looksLikeOurs(name));
  if (unknown !== undefined) throw noAnnotation(unknown);
  return [...ANNOTATIONS]
    .filter(([name]) => annotations[name] !== undefined)
    .map(([name, setting]) => sourcedSetting(setting, annotations[name], `annotation ${name}`));
}

function looksLikeOurs(name: string): boolean {
  if (name.toLowerCase().startsWith(PREFIX)) return true;
  return [...ANNOTATIONS.keys()].some(
    (own) => Math.abs(own.length - name.length) <= TYPO_DISTANCE && editDistance(own, name) <= TYPO_DISTANCE,
  );
}

function noAnnotation(name: string): NkError {
  const names = [...ANNOTATIONS.keys()];
  const own = name.toLowerCase().startsWith(PREFIX) ? name.slice(PREFIX.length) : name;
  const guess = closest(
    own,
    names.map((known) => known.slice(PREFIX.length)),
  );
  const nearest = guess === undefined ? closest(name, names) : `${PREFIX}${guess}`;
  const mend = nearest === undefined ? `expected one of ${names.join(", ")}` : `did you mean ${nearest}?`;
  return new NkError("BAD_CONFIG", `annotation ${name} is not known: ${mend}`);
}
