import { getSystemErrorMap } from "node:util";
import { ApiError } from "./api-error.ts";
import { BOOT_FAULTS } from "./faults/boot.ts";
import { DEVICE_FAULTS } from "./faults/devices.ts";
import { KVM_FAULTS } from "./faults/kvm.ts";
import { REQUEST_FAULTS, STATE_FAULTS } from "./faults/requests.ts";
import type { FaultRule } from "./faults/rule.ts";
import { SNAPSHOT_FAULTS } from "./faults/snapshots.ts";
import type { HttpAnswer } from "./http-answer.ts";

/** In the order in which they are tried. */
const FAULT_RULES: readonly FaultRule[] = [
  ...KVM_FAULTS,
  ...BOOT_FAULTS,
  ...DEVICE_FAULTS,
  ...SNAPSHOT_FAULTS,
  ...STATE_FAULTS,
  ...REQUEST_FAULTS,
];

export interface FaultContext {
  /** "PUT /drives/d0" */
  request: string;
  /** What was sent, whose members the message names. */
  body: object | undefined;
  /** Of Firecracker, as text. */
  version: string;
}

/** The error for an answer that is none of success: our code, one line and how to mend it, with Firecracker's own words as log. */
export function faultError(answer: HttpAnswer, { request, body, version }: FaultContext): ApiError {
  const said = faultText(answer.body);
  const details = { request, status: answer.status, said };
  const rule = FAULT_RULES.find((each) => fits(each, said));
  if (rule === undefined) {
    const words = said === "" ? `status ${answer.status}` : said;
    return new ApiError("VMM", `Firecracker refused ${request}: ${words}`, details);
  }
  const groups = rule.pattern.exec(said)?.groups;
  const values: Record<string, unknown> = { ...body, ...groups, version, os: osWords(said) };
  return new ApiError(rule.code, `${fill(rule.says, values)}: ${rule.mend}`, details);
}

/**
 * What an error answer says. There are two shapes, `{"fault_message":"…"}` of the API and `{ "error": "…" }` of the HTTP server, which does not
 * escape what it puts between the quotes: a newline always, more if the request had it. What failed to be read is answered with bare text.
 */
export function faultText(body: string): string {
  try {
    const { fault_message: fault, error } = JSON.parse(body) as Record<string, unknown>;
    if (typeof fault === "string") return fault;
    if (typeof error === "string") return error;
  } catch {
    // The second shape, or none.
  }
  return (/^\{ "error": "(.*)" \}$/s.exec(body)?.[1] ?? body).trim();
}

function fits({ pattern, osErrors }: FaultRule, said: string): boolean {
  if (!pattern.test(said)) return false;
  return osErrors === undefined || osErrors.includes(osErrorOf(said) ?? 0);
}

/** The last one: what Firecracker says goes from the outermost cause to the innermost. */
function osErrorOf(said: string): number | undefined {
  const last = [...said.matchAll(/\(os error (\d{1,4})\)/g)].at(-1);
  return last === undefined ? undefined : Number(last[1]);
}

function osWords(said: string): string {
  const number = osErrorOf(said);
  if (number === undefined) return "no reason given";
  return getSystemErrorMap().get(-number)?.[1] ?? `os error ${number}`;
}

function fill(template: string, values: Record<string, unknown>): string {
  return template.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = values[name];
    return typeof value === "string" || typeof value === "number" ? String(value) : "";
  });
}
