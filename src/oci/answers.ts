import { NkError } from "../base/errors.ts";
import { formatExact } from "../base/exact-json.ts";
import { isObject } from "../base/json.ts";
import { PROPERTIES } from "./properties.ts";
import type { Answer, Property } from "./property.ts";

type Json = Readonly<Record<string, unknown>>;

/** A value of a config.json, and where it stands: "mounts[3].options[0]". */
interface Found {
  at: string;
  value: unknown;
}

/**
 * Refuses what a container in a VM would run without, unknown to whoever asked for it.
 * @param config config.json, or a part of it at its place (`{ process }`)
 * @param runtime in the VM
 * @throws UNSUPPORTED with the property
 */
export function refuseForVm(config: Json, runtime: string): void {
  for (const property of answered("refused")) {
    const { onlyIn = runtime, values, note } = property;
    const [found] = onlyIn === runtime ? given(config, property) : [];
    if (found === undefined) continue;
    const what = values.length > 0 ? `${found.at} is ${String(found.value)}` : found.at;
    const instead =
      property.onlyIn === undefined ? "--mode=container" : "--vm-runtime=runc or --mode=container";
    throw new NkError("UNSUPPORTED", `${what}: ${note}: leave it out, or use ${instead}`);
  }
}

/**
 * A line for each limit that holds nowhere for a container in a VM.
 * @param isShared others use the VM, too
 */
export function warningsForVm(config: Json, isShared: boolean): string[] {
  const warned = answered("warned of").flatMap((property) =>
    notHeldTo(config, property, "a VM", property.note),
  );
  const ofVms = isShared ? PROPERTIES.filter(({ holdsVm }) => holdsVm) : [];
  return [
    ...warned,
    ...ofVms.flatMap((property) =>
      notHeldTo(config, property, "a VM that others use, too", "it would hold them all"),
    ),
  ];
}

function notHeldTo(config: Json, property: Property, where: string, why: string): string[] {
  return given(config, property).map(({ at }) => `${at}: not held to for a container in ${where}: ${why}`);
}

const answered = (answer: Answer): Property[] => PROPERTIES.filter((property) => property.answer === answer);

/** What a config.json says of a property. Callers write 0, false and what is empty for "not asked for". */
function given(config: Json, { path, values }: Property): Found[] {
  const isMeant = ({ value }: Found): boolean =>
    values.length > 0
      ? values.includes(String(value).replace(/=.*/s, ""))
      : !["0", '""', "false", "[]", "{}"].includes(formatExact(value));
  return path
    .replaceAll("[]", ".[]")
    .split(".")
    .reduce<Found[]>(
      (found, step) => found.flatMap((from) => members(from, step)),
      [{ at: "", value: config }],
    )
    .filter(isMeant);
}

function members({ at, value }: Found, step: string): Found[] {
  if (step === "[]")
    return Array.isArray(value)
      ? value.map((member, index) => ({ at: `${at}[${index}]`, value: member }))
      : [];
  const member = isObject(value) ? value[step] : undefined;
  return member === undefined ? [] : [{ at: at === "" ? step : `${at}.${step}`, value: member }];
}
