import { describe, expect, it } from "vitest";
import { closest, editDistance } from "./closest.ts";

describe("closest", () => {
  it.each([
    ["creat", "create"],
    ["statr", "start"],
    ["lst", "list"],
    ["entirely-other", undefined],
    ["--bogus", undefined],
    ["--lg", "--log"],
  ])("takes %s for %s", (word, expected) => {
    expect(closest(word, ["create", "start", "list", "delete", "--log"])).toBe(expected);
  });

  it("counts insertions, deletions and substitutions", () => {
    expect(editDistance("kitten", "sitting")).toBe(3);
    expect(editDistance("", "abc")).toBe(3);
  });
});
