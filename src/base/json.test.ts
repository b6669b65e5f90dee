import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findSyntaxError } from "./json-syntax.ts";
import { parseJson, parseJsonObject } from "./json.ts";

describe("parseJson", () => {
  it.each([
    ['{\n  "a": 1,\n}', /^f\.json:3:1: not valid JSON: expected a member name in double quotes, found "}"$/],
    ['{"a" 1}', /^f\.json:1:6: .*expected ":", found "1"/],
    ['{"a": [1 2]}', /^f\.json:1:10: .*expected "," or "]", found "2"/],
    ['{"a": tru}', /^f\.json:1:7: .*expected a value, found "t"/],
    ['{"a": 1', /^f\.json:1:8: .*found the end of the file/],
    ["", /^f\.json:1:1: .*expected a value, found the end of the file/],
    ['{"a": "x\n"}', /^f\.json:1:7: .*a string that is closed/],
    ["{} {}", /^f\.json:1:4: .*expected the end of the text, found "{"/],
  ])("points at the error in %j", (text, message) => {
    expect(() => parseJson(text, "f.json")).toThrow(message);
  });

  it.each([
    ["[", "]"],
    ['{"a":', "}"],
    ['{"]":[', "]}"],
    ["[", ""],
  ])("refuses what is nested too deep, JSON or not: %s", (open, close) => {
    const nested = (levels: number): string => `${open.repeat(levels)}1${close.repeat(levels)}`;
    expect(() => parseJson(nested(5000), "f.json")).toThrow(
      "f.json: expected at most 512 levels of objects and arrays, found more",
    );
    if (close !== "") expect(() => parseJson(nested(256), "f.json")).not.toThrow();
  });

  it("finds the error behind a string of megabytes", () => {
    const text = `["${"\\n".repeat(4_000_000)}" 1]`;
    expect(() => parseJson(text, "f.json")).toThrow(
      'f.json:1:8000005: not valid JSON: expected "," or "]", found "1"',
    );
  });

  it("agrees with JSON.parse on what is JSON", () => {
    const mutated = fc.tuple(fc.json(), fc.nat(), fc.string({ maxLength: 2 })).map(([json, at, text]) => {
      const index = at % (json.length + 1);
      return json.slice(0, index) + text + json.slice(index + 1);
    });
    fc.assert(
      fc.property(fc.oneof(fc.json(), mutated, fc.string()), (text) => {
        expect(findSyntaxError(text) === undefined).toBe(isJson(text));
      }),
      { numRuns: 2000 },
    );
  });
});

it("says what was found in place of an object", () => {
  expect(() => parseJsonObject("[]", "f.json")).toThrow("f.json: expected a JSON object, found an array");
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
