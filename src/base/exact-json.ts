import { splitAtStrings } from "./json-text.ts";

/**
 * JSON whose integers of 64 bits stay what they are. JSON.parse makes floating-point numbers of them: 2^64-1 (RLIM_INFINITY) would be written
 * back as 18446744073709552000, which Go and C refuse. An integer that a number cannot hold is a bigint here. Through node's own JSON, which
 * is ten times as fast as one in JavaScript, it goes as a marked string.
 */

/** Nobody can know it beforehand, so no string of a document begins like this. */
const SECRET = `${Math.random().toString(36).slice(2)}:`;
const MARK = `\u0001${SECRET}`;
const MARKED = new RegExp(`"\\\\u0001${SECRET}(-?\\d+)"`, "g");

/** Shorter ones always fit into a number: 2^53 has 16 digits. */
const LONG = /\d{16}/;
const NUMBER = /-?\d[\d.eE+-]*/g;
const INTEGER = /^-?\d+$/;

/** @param text that JSON.parse takes. @throws what JSON.parse throws */
export function parseExact(text: string): unknown {
  if (!LONG.test(text)) return JSON.parse(text) as unknown;
  const pieces = splitAtStrings(text);
  const marked = pieces.map((piece, index) => (index % 2 === 1 ? piece : piece.replace(NUMBER, mark)));
  return JSON.parse(marked.join(""), (_, value: unknown) =>
    typeof value === "string" && value.startsWith(MARK) ? BigInt(value.slice(MARK.length)) : value,
  ) as unknown;
}

function mark(number: string): string {
  const isExact = !INTEGER.test(number) || Number.isSafeInteger(Number(number));
  return isExact ? number : `"\\u0001${SECRET}${number}"`;
}

/** The text of a value that may have bigints in it: they are written as integers. */
export function formatExact(value: unknown): string {
  const text = JSON.stringify(value, (_, member: unknown) =>
    typeof member === "bigint" ? `${MARK}${member}` : member,
  );
  return text.replace(MARKED, "$1");
}
