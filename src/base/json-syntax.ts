/**
 * Finds where a text stops being JSON. `JSON.parse` of Node 20 does not say it for every error, and people need the line.
 * Runs only after JSON.parse has refused the text.
 */
export interface SyntaxProblem {
  /** 1-based. */
  line: number;
  column: number;
  /** What was expected and what is there. */
  problem: string;
}

const SPACE = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
// oxlint-disable-next-line no-control-regex -- JSON forbids them bare in strings
const CHARACTERS = /(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})){1,1000}/y;
const WORD = /(?:true|false|null)/y;

class Unexpected extends Error {
  readonly offset: number;

  constructor(offset: number, expected: string) {
    super(expected);
    this.offset = offset;
  }
}

/** The first syntax error of `text`; undefined when it is valid JSON. */
export function findSyntaxError(text: string): SyntaxProblem | undefined {
  try {
    const end = skipSpace(text, scanValue(text, 0));
    if (end < text.length) throw new Unexpected(end, "the end of the text");
    return undefined;
  } catch (error) {
    if (!(error instanceof Unexpected)) throw error;
    return describe(text, error.offset, error.message);
  }
}

function describe(text: string, offset: number, expected: string): SyntaxProblem {
  const before = text.slice(0, offset).split("\n");
  const found = offset >= text.length ? "the end of the file" : JSON.stringify(text.charAt(offset));
  const column = (before.at(-1) ?? "").length + 1;
  return { line: before.length, column, problem: `expected ${expected}, found ${found}` };
}

function scanValue(text: string, from: number): number {
  const start = skipSpace(text, from);
  const first = text.charAt(start);
  if (first === "{") return scanItems(text, start, "}", scanMember, "a member name in double quotes or }");
  if (first === "[") return scanItems(text, start, "]", scanValue, "a value or ]");
  if (first === '"') return scanString(text, start);
  const end = match(NUMBER, text, start) ?? match(WORD, text, start);
  if (end === undefined) throw new Unexpected(start, "a value");
  return end;
}

function scanItems(
  text: string,
  start: number,
  close: string,
  scanItem: (text: string, from: number) => number,
  expectedFirst: string,
): number {
  let at = skipSpace(text, start + 1);
  if (text.charAt(at) === close) return at + 1;
  if (at >= text.length) throw new Unexpected(at, expectedFirst);
  for (;;) {
    at = skipSpace(text, scanItem(text, at));
    const next = text.charAt(at);
    if (next === close) return at + 1;
    if (next !== ",") throw new Unexpected(at, `"," or "${close}"`);
    at += 1;
  }
}

function scanMember(text: string, from: number): number {
  const start = skipSpace(text, from);
  if (text.charAt(start) !== '"') throw new Unexpected(start, "a member name in double quotes");
  const colon = skipSpace(text, scanString(text, start));
  if (text.charAt(colon) !== ":") throw new Unexpected(colon, '":"');
  return scanValue(text, colon + 1);
}

function scanString(text: string, start: number): number {
  let end = start + 1;
  // A pattern for all of a long string would exceed V8's stack.
  for (let next = match(CHARACTERS, text, end); next !== undefined; next = match(CHARACTERS, text, end))
    end = next;
  if (text.charAt(end) !== '"')
    throw new Unexpected(start, "a string that is closed and has no bare line break");
  return end + 1;
}

function skipSpace(text: string, from: number): number {
  return match(SPACE, text, from) ?? from;
}

function match(pattern: RegExp, text: string, from: number): number | undefined {
  pattern.lastIndex = from;
  return pattern.test(text) ? pattern.lastIndex : undefined;
}
