// What serde's derive makes of a type: decoders that fail with serde's words, at serde's positions.
import { Reader, SerdeError } from "./reader.ts";

export type Decode<T> = (json: Reader) => T;
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** The value of a whole body. */
export function decode<T>(what: Decode<T>, body: Buffer): T {
  const json = new Reader(body);
  const value = what(json);
  if (json.peek() !== undefined) throw json.peekError("trailing characters");
  return value;
}

/** Runs a visitor: its errors are placed where the reader then stands. */
function placed<T>(json: Reader, visit: () => T): T {
  try {
    return visit();
  } catch (error) {
    throw json.fix(error);
  }
}

function invalidType(unexpected: string, expected: string): SerdeError {
  return new SerdeError(`invalid type: ${unexpected}, expected ${expected}`);
}

/** Reads what is there instead of what was expected, and complains of it. */
function refuse(json: Reader, expected: string): never {
  const first = json.peek();
  if (first === undefined) throw json.peekError("EOF while parsing a value");
  return placed(json, () => {
    if (first === "n") json.word("null");
    else if (first === "t") json.word("true");
    else if (first === "f") json.word("false");
    if (first === "n") throw invalidType("null", expected);
    if (first === "t" || first === "f") throw invalidType(`boolean \`${first === "t"}\``, expected);
    if (first === '"') throw invalidType(`string ${JSON.stringify(json.string())}`, expected);
    if (/[-\d]/.test(first)) throw invalidType(numberName(json.number()), expected);
    if (first === "[") throw invalidType("sequence", expected);
    if (first === "{") throw invalidType("map", expected);
    throw json.peekError("expected value");
  });
}

function numberName(text: string): string {
  return /^-?\d+$/.test(text) ? `integer \`${text}\`` : `floating point \`${Number(text)}\``;
}

function integer(name: string, bits: bigint): Decode<number> {
  return (json) => {
    if (!/[-\d]/.test(json.peek() ?? "")) return refuse(json, name);
    return placed(json, () => {
      const text = json.number();
      if (!/^-?\d+$/.test(text)) throw invalidType(numberName(text), name);
      const value = BigInt(text);
      if (value < 0n || value >= 1n << bits)
        throw new SerdeError(`invalid value: integer \`${text}\`, expected ${name}`);
      return Number(value);
    });
  };
}

export const u8 = integer("u8", 8n);
export const u16 = integer("u16", 16n);
export const u32 = integer("u32", 32n);
export const u64 = integer("u64", 64n);
export const usize = integer("usize", 64n);

export const bool: Decode<boolean> = (json) => {
  const first = json.peek();
  if (first !== "t" && first !== "f") return refuse(json, "a boolean");
  json.word(first === "t" ? "true" : "false");
  return first === "t";
};

export const text: Decode<string> = (json) =>
  json.peek() === '"' ? json.string() : refuse(json, "a string");
export const path: Decode<string> = (json) =>
  json.peek() === '"' ? json.string() : refuse(json, "path string");

export function option<T>(what: Decode<T>): Decode<T | null> {
  return (json) => {
    if (json.peek() !== "n") return what(json);
    json.word("null");
    return null;
  };
}

/** A value that is made of another; `make` throws a SerdeError without a position. */
export function made<T, U>(what: Decode<T>, make: (value: T) => U): Decode<U> {
  return (json) => make(what(json));
}

/** Names of an enum without data. */
export function oneOf<const N extends string>(names: readonly N[]): Decode<N> {
  return (json) => {
    const first = json.peek();
    if (first === undefined) throw json.peekError("EOF while parsing a value");
    if (first !== '"') throw json.peekError("expected value");
    return placed(json, () => {
      const found = json.string();
      const name = names.find((known) => known === found);
      if (name === undefined) throw new SerdeError(`unknown variant \`${found}\`, expected ${listed(names)}`);
      return name;
    });
  };
}

function listed(names: readonly string[]): string {
  const quoted = names.map((name) => `\`${name}\``);
  return quoted.length > 2 ? `one of ${quoted.join(", ")}` : quoted.join(" or ");
}

export function list<T>(item: Decode<T>): Decode<T[]> {
  return (json) => {
    if (json.peek() !== "[") return refuse(json, "a sequence");
    json.eat();
    const items: T[] = [];
    for (;;) {
      const next = json.peek();
      if (next === undefined) throw json.peekError("EOF while parsing a list");
      if (next === "]") break;
      if (items.length > 0) {
        if (next !== ",") throw json.peekError("expected `,` or `]`");
        json.eat();
        if (json.peek() === "]") throw json.peekError("trailing comma");
      }
      items.push(item(json));
    }
    json.eat();
    return items;
  };
}

/** Calls `member` with each key of an object, whose value it must read. */
function eachMember(json: Reader, member: (key: string) => void): void {
  for (let first = true; ; first = false) {
    let next = json.peek();
    if (next === undefined) throw json.peekError("EOF while parsing an object");
    if (next === "}") return;
    if (!first) {
      if (next !== ",") throw json.peekError("expected `,` or `}`");
      json.eat();
      next = json.peek();
      if (next === undefined) throw json.peekError("EOF while parsing a value");
      if (next === "}") throw json.peekError("trailing comma");
    }
    if (next !== '"') throw json.peekError("key must be a string");
    member(json.string());
  }
}

function colon(json: Reader): void {
  const next = json.peek();
  if (next === undefined) throw json.peekError("EOF while parsing an object");
  if (next !== ":") throw json.peekError("expected `:`");
  json.eat();
}

/** serde_json reads the end of an object even when its content was refused: that moves the position of the error. */
function object(json: Reader, member: (key: string) => void, done: () => void): void {
  json.eat();
  placed(json, () => {
    try {
      eachMember(json, member);
      done();
    } catch (error) {
      if (json.peek() === "}") json.eat();
      throw error;
    }
    json.eat();
  });
}

export interface Field<T> {
  decode: Decode<T>;
  /** What a missing member means; without it, it is an error. */
  missing?: T;
}
export type Fields = Record<string, Field<unknown>>;
export type Shape<F> = { [K in keyof F]: F[K] extends Field<infer T> ? T : never };

export const required = <T>(what: Decode<T>): Field<T> => ({ decode: what });
export const optional = <T>(what: Decode<T>): Field<T | null> => ({ decode: option(what), missing: null });
export const otherwise = <T>(what: Decode<T>, missing: T): Field<T> => ({ decode: what, missing });

/** A struct; `open` ones ignore what they do not know. */
export function struct<F extends Fields>(
  name: string,
  fields: F,
  kind: "closed" | "open" = "closed",
): Decode<Shape<F>> {
  const names = Object.keys(fields);
  return (json) => {
    if (json.peek() !== "{") return refuse(json, `struct ${name}`);
    const found: Record<string, unknown> = {};
    object(
      json,
      (key) => {
        const field = fields[key];
        if (field === undefined && kind === "closed")
          throw new SerdeError(`unknown field \`${key}\`, expected ${listed(names)}`);
        if (Object.hasOwn(found, key)) throw new SerdeError(`duplicate field \`${key}\``);
        colon(json);
        if (field === undefined) any(json);
        else found[key] = field.decode(json);
      },
      () => addMissing(found, fields),
    );
    // In the order of the type, in which it will be shown.
    return Object.fromEntries(names.map((key) => [key, found[key]])) as Shape<F>;
  };
}

function addMissing(found: Record<string, unknown>, fields: Fields): void {
  for (const [key, field] of Object.entries(fields)) {
    if (Object.hasOwn(found, key)) continue;
    if (!("missing" in field)) throw new SerdeError(`missing field \`${key}\``);
    found[key] = field.missing;
  }
}

/** Any JSON value; members of objects come out sorted, as serde_json keeps them. */
export const any: Decode<Json> = (json) => {
  const first = json.peek();
  if (first === '"') return json.string();
  if (first === "t" || first === "f") return bool(json);
  if (first === "[") return list(any)(json);
  if (first === "n") return option(text)(json);
  if (first === "{") return anyObject(json);
  if (first !== undefined && /[-\d]/.test(first)) return Number(json.number());
  throw json.peekError(first === undefined ? "EOF while parsing a value" : "expected value");
};

function anyObject(json: Reader): Json {
  const members: [string, Json][] = [];
  const member = (key: string) => {
    colon(json);
    members.push([key, any(json)]);
  };
  object(json, member, () => {});
  return Object.fromEntries(members.sort(([a], [b]) => (a < b ? -1 : 1)));
}
