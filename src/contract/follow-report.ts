import { NkError } from "../base/errors.ts";
import { heardSpans, notices } from "../trace/channels.ts";
import { parseSpanLine } from "../trace/span-line.ts";
import type { ReportLine } from "./report-line.ts";

/**
 * Reads a monitor's lines until what it was started for is there, and returns how many steps were among them.
 * @throws the monitor's error, or VMM when it died without one.
 */
export async function followReport(lines: AsyncIterable<string>): Promise<number> {
  let stepsHeard = 0;
  for await (const text of lines) {
    const line = JSON.parse(text) as ReportLine;
    if ("ready" in line) return stepsHeard;
    if ("error" in line) throw NkError.fromJson(line.error);
    if ("notice" in line) {
      notices.publish(line.notice);
      continue;
    }
    const span = parseSpanLine(line.span);
    stepsHeard += 1;
    if (span) heardSpans.publish(span);
  }
  throw new NkError("VMM", "the monitor ended without a word", { phase: "create" });
}
