import { NkError } from "../base/errors.ts";
import { isObject, parseJsonObject } from "../base/json.ts";

/**
 * A document of the runtime specification, read as runc (Go) reads it: a member that is null is absent, and text is well-formed: half a
 * surrogate pair, which JSON can hold and UTF-8 cannot, becomes U+FFFD. No file, argument or variable of Linux can hold a NUL.
 * @param path of the file, for messages. @throws BAD_CONFIG
 */
export function parseOciJson(text: string, path: string): Record<string, unknown> {
  return tidyMembers(parseJsonObject(text, path), (member) => (member === "" ? path : `${path}: ${member}`));
}

type Named = (member: string) => string;

function tidyMembers(members: Record<string, unknown>, named: Named): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(members)
      .filter(([, value]) => value !== null)
      .map(([name, value]) => [
        tidyText(name, () => named("")),
        tidy(value, (inner) => named(join(name, inner))),
      ]),
  );
}

function tidy(value: unknown, named: Named): unknown {
  if (typeof value === "string") return tidyText(value, () => named(""));
  // 1e400 would be written back as null.
  if (value === Infinity || value === -Infinity)
    throw new NkError("BAD_CONFIG", `${named("")}: expected a number of at most 64 bits, found a larger one`);
  if (Array.isArray(value))
    return value.map((item, index) => tidy(item, (inner) => named(join(String(index), inner))));
  return isObject(value) ? tidyMembers(value, named) : value;
}

function join(outer: string, inner: string): string {
  return inner === "" ? outer : `${outer}.${inner}`;
}

function tidyText(text: string, where: () => string): string {
  if (!text.includes("\0")) return text.toWellFormed();
  throw new NkError(
    "BAD_CONFIG",
    `${where()}: expected no NUL character, found ${JSON.stringify(text.slice(0, 80))}`,
  );
}
