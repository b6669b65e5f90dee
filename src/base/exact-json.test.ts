import fc from "fast-check";
import { expect, it } from "vitest";
import { formatExact, parseExact } from "./exact-json.ts";

it.each([
  '{"max":18446744073709551615,"min":-9223372036854775808}',
  "[9007199254740993,[9007199254740992,1234567890123456]]",
  "123456789012345678901234567890",
  '{"number in a text":"18446744073709551615","\\"18446744073709551615":[18446744073709551615]}',
  '["\\\\",18446744073709551615,"\\\\\\"",18446744073709551616]',
])("writes the integers of %s back as they came", (text) => {
  expect(formatExact(parseExact(text))).toBe(text);
});

it("has a bigint only where a number would be another one", () => {
  expect(parseExact("[9007199254740991, 9007199254740993, 0.1234567890123456, 1e300]")).toEqual([
    9_007_199_254_740_991,
    9_007_199_254_740_993n,
    0.1234567890123456,
    1e300,
  ]);
});

it("is JSON for everything else", () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      expect(formatExact(JSON.parse(text))).toBe(text);
      expect(formatExact(parseExact(`[1234567890123456,${text}]`))).toBe(`[1234567890123456,${text}]`);
    }),
  );
});

it("keeps integers of any size at any place", () => {
  fc.assert(
    fc.property(fc.bigInt(), fc.string(), (integer, key) => {
      expect(formatExact(parseExact(formatExact({ [key]: [integer, key] })))).toBe(
        `{${JSON.stringify(key)}:[${integer},${JSON.stringify(key)}]}`,
      );
    }),
  );
});

it("takes strings of megabytes", () => {
  const text = `["${'\\"1'.repeat(4_000_000)}",18446744073709551615]`;
  expect(formatExact(parseExact(text))).toBe(text);
});
