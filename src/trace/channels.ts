import { channel } from "node:diagnostics_channel";
import { haltAt } from "./halt.ts";

/**
 * Every step of the runtime is published here, and nothing is paid while nobody listens. Sinks subscribe:
 * trace.jsonl (recorder.ts), --educational and --debug (sinks).
 */
export const spans = channel("nk:span");

/** Steps that another process has published, passed on to be shown (--educational, --debug); it records them itself. */
export const heardSpans = channel("nk:span-heard");

/** One line each for people who wait: what takes long, and that it is done (slow.ts). */
export const notices = channel("nk:notice");

/** What went wrong, one line each, without keeping a command from what it was asked for. */
export const warnings = channel("nk:warning");

/** What the host's runtime says of its own steps, one line each (--debug). */
export const runtimeSteps = channel("nk:runtime-step");

/** Who did the work: one row of a timeline each. */
export type Actor =
  | "cli"
  | "monitor"
  | "shadow"
  | "vmm"
  | "kernel"
  | "agent"
  | "runtime"
  | "container"
  | "network";

export interface Span {
  actor: Actor;
  /** Short name of the phase: "boot", "create container". */
  name: string;
  /** Nanoseconds of CLOCK_MONOTONIC, which all processes of the host share. */
  startNs: bigint;
  endNs: bigint;
  /** Why the step is needed, one sentence for people who learn. */
  why?: string;
  /** The exact command, request or message. */
  what?: string;
  error?: string;
}

export interface SpanNotes {
  why?: string;
  what?: string;
  /** Of a step that another process has begun, when it is not now. */
  startNs?: bigint;
}

/** Runs `work` and publishes it as a span, also when it throws. */
export async function traced<T>(
  actor: Actor,
  name: string,
  notes: SpanNotes,
  work: () => Promise<T>,
): Promise<T> {
  haltAt(name);
  if (!spans.hasSubscribers) return work();
  const startNs = process.hrtime.bigint();
  try {
    const result = await work();
    spans.publish({ actor, name, startNs, endNs: process.hrtime.bigint(), ...notes } satisfies Span);
    return result;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    spans.publish({
      actor,
      name,
      startNs,
      endNs: process.hrtime.bigint(),
      ...notes,
      error: message,
    } satisfies Span);
    throw error;
  }
}

/** Publishes a span whose times are already known: the guest's, or a synchronous step. */
export function publishSpan(span: Span): void {
  if (spans.hasSubscribers) spans.publish(span);
}

/** Shows every span, of this process and of those it hears from. Returns what stops it. */
export function watchSpans(show: (span: Span) => void): () => void {
  const onSpan = (message: unknown): void => show(message as Span);
  spans.subscribe(onSpan);
  heardSpans.subscribe(onSpan);
  return () => {
    spans.unsubscribe(onSpan);
    heardSpans.unsubscribe(onSpan);
  };
}
