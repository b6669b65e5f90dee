import { asNkError, NkError } from "../base/errors.ts";
import { isObject, kindOf, parseJson } from "../base/json.ts";

/** Of what is around a config.json or a process in a request. */
const LEVELS = 4;

/** A JSON object that a client has sent. @param what for the error. @throws USAGE for anything else */
export function parseRequest(bytes: Buffer, what: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = parseJson(bytes.toString("utf8"), what, LEVELS);
  } catch (cause) {
    throw new NkError("USAGE", `${what} is not JSON: ${asNkError(cause).message}`, { cause });
  }
  if (isObject(value)) return value;
  throw new NkError("USAGE", `${what}: expected a JSON object, found ${kindOf(value)}`);
}
