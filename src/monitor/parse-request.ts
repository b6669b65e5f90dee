import { NkError } from "../base/errors.ts";
import { isObject, kindOf } from "../base/json.ts";

/** A JSON object that a client has sent. @param what for the error. @throws USAGE for anything else */
export function parseRequest(bytes: Buffer, what: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString("utf8"));
  } catch (cause) {
    throw new NkError("USAGE", `${what} is not JSON`, { cause });
  }
  if (isObject(value)) return value;
  throw new NkError("USAGE", `${what}: expected a JSON object, found ${kindOf(value)}`);
}
