import { expect, it } from "vitest";
import { durationMs } from "./go-duration.ts";

it.each([
  ["5s", 5000],
  ["1m30s", 90_000],
  ["1.5h", 5_400_000],
  [".5s", 500],
  ["250ms", 250],
  ["1s1ms", 1001],
  ["0s", 0],
])("reads %s as %d ms", (text, ms) => {
  expect(durationMs(text)).toBe(ms);
});

it.each(["", "5", "5 s", "s", "-1s", "5sx", "x5s", "1d"])("takes %j for none", (text) => {
  expect(durationMs(text)).toBeUndefined();
});
