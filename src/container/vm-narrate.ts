import { readFileSync } from "node:fs";
import { heardSpans } from "../trace/channels.ts";
import { parseSpanLine } from "../trace/span-line.ts";

/**
 * Passes on, to be shown, the steps of a monitor that has ended: those after the first `heard`, which its report has told. Steps that the
 * CLI has recorded in the same trace are its own.
 */
export function narrateRest(tracePath: string, heard: number): void {
  if (!heardSpans.hasSubscribers) return;
  const steps = readFileSync(tracePath, "utf8")
    .split("\n")
    .map(parseSpanLine)
    .filter((span) => span !== undefined)
    .filter(({ actor }) => actor !== "cli");
  for (const span of steps.slice(heard)) heardSpans.publish(span);
}
