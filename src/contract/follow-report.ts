import { NkError } from "../base/errors.ts";
import { Latch } from "../base/latch.ts";
import { heardSpans, notices, warnings } from "../trace/channels.ts";
import { parseSpanLine } from "../trace/span-line.ts";
import type { ReportLine } from "./report-line.ts";

/** What a monitor tells the command that started it. Both reject with its error, or WORDLESS when it ended without one. */
export interface MonitorReport {
  /** It takes containers. */
  listening: Promise<void>;
  /** What it was started for is there; with the number of steps that were told until then. */
  ready: Promise<number>;
}

/** The phase of the error of a monitor that was killed, or that was ended before it had something to say. */
export const WORDLESS = "wait for the monitor";

export function followReport(lines: AsyncIterable<string>): MonitorReport {
  const listening = new Latch();
  const ready = follow(lines, () => listening.resolve());
  ready.catch((error: unknown) => listening.reject(error));
  return { listening: listening.promise, ready };
}

async function follow(lines: AsyncIterable<string>, onListening: () => void): Promise<number> {
  let stepsHeard = 0;
  for await (const text of lines) {
    const line = JSON.parse(text) as ReportLine;
    if ("ready" in line) return stepsHeard;
    if ("error" in line) throw NkError.fromJson(line.error);
    if ("listening" in line) onListening();
    else if ("notice" in line) notices.publish(line.notice);
    else if ("warning" in line) warnings.publish(line.warning);
    else {
      const span = parseSpanLine(line.span);
      stepsHeard += 1;
      if (span) heardSpans.publish(span);
    }
  }
  throw new NkError("VMM", "the VM's monitor was killed, or crashed: it ended without a word", {
    phase: WORDLESS,
  });
}
