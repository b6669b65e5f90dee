import { spans } from "./channels.ts";
import type { Span } from "./channels.ts";
import { formatDuration, printable } from "./text.ts";

/** Hands every span to `write` as one line (--debug). Returns what stops it. */
export function installDebugLog(write: (line: string) => void): () => void {
  const onSpan = (message: unknown): void => write(formatDebugLine(message as Span));
  spans.subscribe(onSpan);
  return () => spans.unsubscribe(onSpan);
}

export function formatDebugLine(span: Span): string {
  const took = formatDuration(span.endNs - span.startNs);
  const what = span.what === undefined ? "" : `: ${span.what}`;
  const error = span.error === undefined ? "" : ` failed: ${span.error}`;
  return printable(`${span.actor}: ${span.name} (${took})${error}${what}`).replaceAll("\n", "\\n");
}
