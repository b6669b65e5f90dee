import { expect, it } from "vitest";
import { parseOciJson } from "./oci-json.ts";

it("takes members that are null for absent, at any depth", () => {
  const text = '{"a":null,"b":{"c":null,"d":[{"e":null}]},"f":[null]}';
  expect(parseOciJson(text, "c")).toEqual({ b: { d: [{}] }, f: [null] });
});

it("makes text well-formed, in names too", () => {
  const text = String.raw`{"args":["a\ud800b","\udc00","\ud83d\ude00"],"x\ud800":1}`;
  expect(parseOciJson(text, "c")).toEqual({ args: ["a\uFFFDb", "\uFFFD", "😀"], "x\uFFFD": 1 });
});

it("keeps members with names of the language's own", () => {
  const document = parseOciJson('{"__proto__":{"a":1},"constructor":2}', "c");
  expect(Object.entries(document)).toEqual([
    ["__proto__", { a: 1 }],
    ["constructor", 2],
  ]);
});

it.each([
  [
    String.raw`{"process":{"args":["x","a\u0000b"]}}`,
    String.raw`c: process.args.1: expected no NUL character, found "a\u0000b"`,
  ],
  [String.raw`{"a":{"b\u0000":1}}`, String.raw`c: a: expected no NUL character, found "b\u0000"`],
  ['{"a":{"b":[1,-1e400]}}', "c: a.b.1: expected a number of at most 64 bits, found a larger one"],
  ["[]", "c: expected a JSON object, found an array"],
])("names the member that cannot be: %s", (text, message) => {
  expect(() => parseOciJson(text, "c")).toThrow(message);
});
