import { printableLine } from "../base/printable.ts";
import { runtimeSteps, watchSpans } from "./channels.ts";
import type { Span } from "./channels.ts";
import { formatDuration } from "./text.ts";

/** Hands every span, and every step of the host's runtime, to `write` as one line (--debug). Returns what stops it. */
export function installDebugLog(write: (line: string) => void): () => void {
  const onStep = (text: unknown): void => write(printableLine(String(text)));
  runtimeSteps.subscribe(onStep);
  const stop = watchSpans((span) => write(formatDebugLine(span)));
  return () => {
    runtimeSteps.unsubscribe(onStep);
    stop();
  };
}

export function formatDebugLine(span: Span): string {
  const took = formatDuration(span.endNs - span.startNs);
  const what = span.what === undefined ? "" : `: ${span.what}`;
  const error = span.error === undefined ? "" : ` failed: ${span.error}`;
  return printableLine(`${span.actor}: ${span.name} (${took})${error}${what}`);
}
