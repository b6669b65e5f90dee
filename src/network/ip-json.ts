import { NkError } from "../base/errors.ts";

/**
 * A line of JSON of `ip`, which writes control characters of names and aliases as they are.
 * @throws NETWORK
 */
export function parseIpJson(line: string): unknown {
  try {
    return JSON.parse(line.replace(/\p{Cc}/gu, escaped));
  } catch {
    throw new NkError("NETWORK", `expected JSON of ip, found ${line.slice(0, 400)}`);
  }
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
