import { NkError } from "./errors.ts";
import { parseExact } from "./exact-json.ts";
import { findSyntaxError } from "./json-syntax.ts";
import { splitAtStrings } from "./json-text.ts";

/**
 * How deep a document may be nested; those of people have ten levels. What writes JSON, here and in the guest, does so recursively, and the
 * agent's parser ends at 2048.
 */
const MAX_DEPTH = 512;
/**
 * Parses the text of a JSON file; integers of more than 53 bits become bigints.
 * @param path is named in the error, with line and column @param levelsAround a document that people write
 */
export function parseJson(text: string, path: string, levelsAround = 0): unknown {
  if (isTooDeep(text, MAX_DEPTH + levelsAround))
    throw new NkError(
      "BAD_CONFIG",
      `${path}: expected at most ${MAX_DEPTH} levels of objects and arrays, found more`,
    );
  try {
    return parseExact(text);
  } catch (error) {
    const found = findSyntaxError(text);
    if (found === undefined) throw new NkError("BAD_CONFIG", `${path}: ${String(error)}`, { cause: error });
    const { line, column, problem } = found;
    throw new NkError("BAD_CONFIG", `${path}:${line}:${column}: not valid JSON: ${problem}`, {
      cause: error,
    });
  }
}

/** Also of a text that is no JSON: it is asked before anything recursive looks at it. */
function isTooDeep(text: string, maxDepth: number): boolean {
  let depth = 0;
  return splitAtStrings(text).some((piece, index) => {
    if (index % 2 === 1) return false;
    for (const [bracket] of piece.matchAll(/[[\]{}]/g)) {
      depth += bracket === "[" || bracket === "{" ? 1 : -1;
      if (depth > maxDepth) return true;
    }
    return false;
  });
}

/** Parses JSON that must be an object. */
export function parseJsonObject(text: string, path: string): Record<string, unknown> {
  const value = parseJson(text, path);
  if (!isObject(value))
    throw new NkError("BAD_CONFIG", `${path}: expected a JSON object, found ${kindOf(value)}`);
  return value;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value if it is an object, else one without members: for documents of which nothing is certain. */
export function objectOrEmpty(value: unknown): Record<string, unknown> {
  return isObject(value) ? value : {};
}

/** The same of each member of a list; of what is none, nothing. */
export function objectsIn(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.map(objectOrEmpty) : [];
}

/** "an array", "a string" …: what was found, for messages. */
export function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "bigint") return "a number";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
