import { NkError } from "./errors.ts";
import { findSyntaxError } from "./json-syntax.ts";

/** Parses the text of a JSON file. @param path is named in the error, with line and column. */
export function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    const found = findSyntaxError(text);
    if (found === undefined) throw new NkError("BAD_CONFIG", `${path}: ${String(error)}`, { cause: error });
    const { line, column, problem } = found;
    throw new NkError("BAD_CONFIG", `${path}:${line}:${column}: not valid JSON: ${problem}`, {
      cause: error,
    });
  }
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

/** "an array", "a string" …: what was found, for messages. */
export function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
