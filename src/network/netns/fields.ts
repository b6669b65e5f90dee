import { isObject, kindOf } from "../../base/json.ts";
import { NkError } from "../../base/errors.ts";

/** How much of an object an error shows. */
const SHOWN_CHARS = 400;

/** One object of what `ip` or `tc` prints as JSON. What is not as their sources have it is an error that shows it. */
export class Fields {
  private readonly json: Record<string, unknown>;
  private readonly command: string;

  private constructor(json: Record<string, unknown>, command: string) {
    this.json = json;
    this.command = command;
  }

  /** The objects of an array; `ip` prints empty ones for what it leaves out. @param command that printed it, for errors @throws NETWORK */
  static list(value: unknown, command: string): Fields[] {
    if (!Array.isArray(value) || !value.every(isObject))
      throw unreadable(command, "a list of objects", kindOf(value), value);
    return value.filter((json) => Object.keys(json).length > 0).map((json) => new Fields(json, command));
  }

  keys(): string[] {
    return Object.keys(this.json);
  }

  /** Also of a flag, whose value is true or null. */
  has(key: string): boolean {
    return key in this.json;
  }

  text(key: string): string {
    const value = this.json[key];
    return typeof value === "string" ? value : this.fail(key, "a text");
  }

  optionalText(key: string): string | undefined {
    return this.has(key) ? this.text(key) : undefined;
  }

  number(key: string): number {
    const value = this.json[key];
    return typeof value === "number" ? value : this.fail(key, "a number");
  }

  /** A number as a text: "254", "0x10". */
  numeral(key: string): number {
    const value = this.text(key);
    return /^(?:\d+|0x[\da-f]+)$/.test(value) ? Number(value) : this.fail(key, "a number as a text");
  }

  texts(key: string): string[] {
    const value = this.json[key];
    if (!Array.isArray(value)) return this.fail(key, "a list of texts");
    return value.map((item: unknown) =>
      typeof item === "string" ? item : this.fail(key, "a list of texts"),
    );
  }

  /** Objects; none where the key is not there. */
  list(key: string): Fields[] {
    return this.has(key) ? Fields.list(this.json[key], this.command) : [];
  }

  object(key: string): Fields {
    const value = this.json[key];
    return isObject(value) ? new Fields(value, this.command) : this.fail(key, "an object");
  }

  toString(): string {
    return JSON.stringify(this.json);
  }

  private fail(key: string, expected: string): never {
    throw unreadable(this.command, `${expected} as "${key}"`, kindOf(this.json[key]), this.json);
  }
}

function unreadable(command: string, expected: string, found: string, json: unknown): NkError {
  const shown = JSON.stringify(json)?.slice(0, SHOWN_CHARS) ?? "";
  return new NkError(
    "NETWORK",
    `cannot read what "${command}" says: expected ${expected}, found ${found} in ${shown}`,
  );
}
