import type { Mode, Result } from "./check.ts";

/** Whether a mode can run, and how or why not, in one line. */
export interface Verdict {
  works: boolean;
  summary: string;
}

export interface Report {
  /** Nothing has failed. */
  ok: boolean;
  vm: Verdict;
  container: Verdict;
  checks: readonly Result[];
}

export function makeReport(checks: readonly Result[]): Report {
  const verdict = (mode: Mode, told: string): Verdict => {
    const failed = checks.filter(({ status, modes }) => status === "fail" && modes.includes(mode));
    if (failed.length > 0)
      return { works: false, summary: `cannot run: ${failed.map(({ name }) => name).join(", ")}` };
    const { found = "" } = checks.find(({ name, modes }) => name === told && modes.includes(mode)) ?? {};
    return { works: true, summary: `works, ${found.replace(/ \(.*\)$/, "")}` };
  };
  return {
    ok: checks.every(({ status }) => status !== "fail"),
    vm: verdict("vm", "acceleration"),
    container: verdict("container", "host runtime"),
    checks,
  };
}

export interface Look {
  /** Columns of the terminal. */
  width: number;
  colour: boolean;
}

const COLOURS = { ok: "\u001b[32m", warn: "\u001b[33m", fail: "\u001b[31m" } as const;
const BOLD = "\u001b[1m";
const PLAIN = "\u001b[0m";

/** The report for people: a line a check, grouped, what to mend below it, and the verdict last. */
export function formatReport({ checks, vm, container }: Report, look: Look): string {
  const nameWidth = Math.max(...checks.map(({ name }) => name.length)) + 2;
  const groups = [...new Set(checks.map(({ group }) => group))];
  const lines = groups.flatMap((group) => [
    look.colour ? `${BOLD}${group}${PLAIN}` : group,
    ...checks.filter((check) => check.group === group).flatMap((check) => checkLines(check, nameWidth, look)),
    "",
  ]);
  const verdictLine = (title: string, { works, summary }: Verdict): string[] =>
    hanging(title.padEnd(16), paint(works ? "ok" : "fail", summary, look), 16, look);
  return `${[...lines, ...verdictLine("Container mode", container), ...verdictLine("VM mode", vm)].join("\n")}\n`;
}

function checkLines({ status, name, found, mend }: Result, nameWidth: number, look: Look): string[] {
  const indent = 8 + nameWidth;
  const head = `  ${paint(status, status.padEnd(4), look)}  ${name.padEnd(nameWidth)}`;
  const mendLines = mend === undefined ? [] : hanging(" ".repeat(indent), `mend: ${mend}`, indent, look);
  return [...hanging(head, found, indent, look), ...mendLines];
}

/** `head` and then the text, broken between words, all its lines starting in the column `indent`. */
function hanging(head: string, text: string, indent: number, { width }: Look): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/)) {
    if (line !== "" && indent + line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line].map((part, index) => (index === 0 ? head : " ".repeat(indent)) + part);
}

function paint(status: Result["status"], text: string, { colour }: Look): string {
  return colour ? `${COLOURS[status]}${text}${PLAIN}` : text;
}
