import { styleText } from "node:util";
import { printable, printableLine } from "../base/printable.ts";
import { watchSpans } from "./channels.ts";
import type { Span } from "./channels.ts";
import { formatDuration } from "./text.ts";

/** Cut here: a create request with a whole config.json would push everything else off the screen. */
const MAX_WHAT = 2000;
const NAME_COLUMNS = 50;
const INDENT = " ".repeat(6);

/**
 * Prints every step to standard error: what is done, why, the exact command, request or message, how long it took.
 * A step is printed when it ends, so a step comes after the ones it is made of. Returns what stops it.
 */
export function installEducational(write: (text: string) => void = toStderr): () => void {
  const colour = process.stderr.isTTY && !process.env["NO_COLOR"];
  let number = 0;
  return watchSpans((span) => {
    number += 1;
    write(`${formatStep(number, span, colour)}\n`);
  });
}

/** The text of one step, without its last newline. */
export function formatStep(number: number, span: Span, colour: boolean): string {
  const paint = (style: Parameters<typeof styleText>[0], text: string): string =>
    colour ? styleText(style, text, { validateStream: false }) : text;
  const name = printableLine(span.name).slice(0, NAME_COLUMNS).padEnd(NAME_COLUMNS);
  const took = formatDuration(span.endNs - span.startNs).padStart(9);
  const head = `${String(number).padStart(4)}  ${span.actor.padEnd(9)} ${paint("bold", name)} ${paint("dim", took)}`;
  const lines = [head];
  if (span.why) lines.push(INDENT + paint("dim", `why   ${printableLine(span.why)}`));
  if (span.what) lines.push(...block("what", shorten(printable(span.what))));
  if (span.error) lines.push(...block("error", printable(span.error)).map((line) => paint("red", line)));
  return lines.join("\n");
}

function block(label: string, text: string): string[] {
  return text
    .trimEnd()
    .split("\n")
    .map((line, index) => `${INDENT}${(index === 0 ? label : "").padEnd(5)} ${line}`);
}

function shorten(text: string): string {
  return text.length <= MAX_WHAT ? text : `${text.slice(0, MAX_WHAT)}… (${text.length} characters in all)`;
}

function toStderr(text: string): void {
  process.stderr.write(text);
}
