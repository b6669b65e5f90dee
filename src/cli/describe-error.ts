import type { NkError } from "../base/errors.ts";
import { printable } from "../base/printable.ts";

const MAX_LOG_LINES = 12;

/**
 * The error for people: one line, then the log that explains it and where to look, where there are such. Words of a guest are in it, so
 * nothing of it may drive the terminal.
 */
export function describeError({ message, phase, log, see }: NkError): string {
  const during = phase === undefined || message.includes(phase) ? "" : ` (during: ${phase})`;
  const lines = [`nk-runtime: ${oneLine(message)}${during}`];
  if (log)
    lines.push(
      ...log
        .trim()
        .split(/\r?\n/)
        .slice(-MAX_LOG_LINES)
        .map((line) => `  | ${line}`),
    );
  if (see) lines.push(`  see: ${see}`);
  return printable(lines.join("\n"));
}

function oneLine(text: string): string {
  return text.trim().replaceAll(/\s*\n\s*/g, "; ");
}
