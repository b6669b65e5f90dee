import type { Row } from "./measurement.ts";
import { median } from "./statistics.ts";

/** A row with its medians, as it goes into the JSON file. */
export interface Result extends Row {
  median: number;
  baselineMedian?: number;
  /** Of the medians, as `compare` says. */
  result?: number;
  reached?: boolean;
}

export function resultOf(row: Row): Result {
  const middle = median(row.samples);
  const base = row.baseline && median(row.baseline.samples);
  const result =
    base === undefined ? undefined : row.compare === "difference" ? middle - base : middle / base;
  // A goal in the unit of the row is one for the value itself.
  const judged = row.unit === "MB/s" ? middle : (result ?? middle);
  const { goal } = row;
  return {
    ...row,
    median: middle,
    ...(base !== undefined && { baselineMedian: base }),
    ...(result !== undefined && { result }),
    ...(goal && { reached: "most" in goal ? judged <= goal.most : judged >= goal.least }),
  };
}

/** The table: a line for each row. */
export function formatTable(results: readonly Result[]): string {
  const lines = results.map((result) => [
    result.what,
    value(result.median, result.unit),
    spread(result.samples),
    result.baseline?.what ?? "",
    result.baselineMedian === undefined ? "" : value(result.baselineMedian, result.unit),
    comparison(result),
    goalOf(result),
  ]);
  return columns([["what", "median", "range", "beside", "median", "compared", "goal"], ...lines]);
}

function value(number: number, unit: string): string {
  return `${rounded(number)} ${unit}`;
}

function rounded(number: number): string {
  return number.toFixed(number < 10 ? 2 : number < 100 ? 1 : 0);
}

function spread(samples: readonly number[]): string {
  return `${rounded(Math.min(...samples))} … ${rounded(Math.max(...samples))}`;
}

function comparison({ result, compare, unit }: Result): string {
  if (result === undefined) return "";
  return compare === "difference"
    ? `${result < 0 ? "" : "+"}${result.toFixed(1)} ${unit}`
    : `× ${result.toFixed(2)}`;
}

function goalOf({ goal, reached }: Result): string {
  if (goal === undefined) return "";
  return `${"most" in goal ? `≤ ${goal.most}` : `≥ ${goal.least}`}${reached === true ? ", reached" : ", missed"}`;
}

function columns(lines: readonly string[][]): string {
  const widths = (lines[0] ?? []).map((_, column) =>
    Math.max(...lines.map((line) => line[column]?.length ?? 0)),
  );
  return lines
    .map((line) => `  ${line.map((word, column) => word.padEnd(widths[column] ?? 0)).join("  ")}`.trimEnd())
    .join("\n");
}
