import type { Actor, Span } from "./channels.ts";

/**
 * A span as one line of JSON: a line of trace.jsonl, and the form in which the monitor hands spans to the CLI.
 * Nanoseconds are decimal strings, because JSON numbers end at 2^53 and the host's clock can pass that.
 */

/** A create request holds a whole config.json; a trace stays readable without it. */
const MAX_TEXT = 4096;

const ACTORS: ReadonlySet<string> = new Set<Actor>([
  "cli",
  "monitor",
  "shadow",
  "vmm",
  "kernel",
  "agent",
  "runtime",
  "container",
  "network",
]);

/** The line for a span, without its newline. Long texts are cut. */
export function formatSpanLine(span: Span): string {
  const { actor, name, startNs, endNs, why, what, error } = span;
  return JSON.stringify({
    actor,
    name: cut(name),
    startNs: String(startNs),
    endNs: String(endNs),
    ...(why !== undefined && { why: cut(why) }),
    ...(what !== undefined && { what: cut(what) }),
    ...(error !== undefined && { error: cut(error) }),
  });
}

/** The span of a line, or undefined when the line is none: the last one of a killed process can be half written. */
export function parseSpanLine(line: string): Span | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const fields = value as Record<string, unknown>;
  const startNs = nanoseconds(fields["startNs"]);
  const endNs = nanoseconds(fields["endNs"]);
  const { actor, name, why, what, error } = fields;
  if (startNs === undefined || endNs === undefined || typeof name !== "string" || !isActor(actor))
    return undefined;
  return {
    actor,
    name,
    startNs,
    endNs,
    ...(typeof why === "string" && { why }),
    ...(typeof what === "string" && { what }),
    ...(typeof error === "string" && { error }),
  };
}

function isActor(value: unknown): value is Actor {
  return typeof value === "string" && ACTORS.has(value);
}

/** At most 20 digits: an unsigned 64-bit number. */
function nanoseconds(value: unknown): bigint | undefined {
  return typeof value === "string" && /^-?\d{1,20}$/.test(value) ? BigInt(value) : undefined;
}

function cut(text: string): string {
  return text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT)}… (${text.length} characters)`;
}
