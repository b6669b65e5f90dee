import { expect, it } from "vitest";
import { bytesIn } from "./byte-size.ts";

it.each([
  ["0", 0n],
  ["100", 100n],
  ["100b", 100n],
  ["1k", 1024n],
  ["10M", 10n * 1024n ** 2n],
  ["10MB", 10n * 1024n ** 2n],
  ["1.5 GiB", 3n * 512n * 1024n ** 2n],
  ["2t", 2n * 1024n ** 4n],
  ["9223372036854775807", 2n ** 63n - 1n],
])("reads %s as go-units does", (text, bytes) => {
  expect(bytesIn(text)).toBe(bytes);
});

it.each(["", "-1", "bad", "1x", "m", "1.2.3", "1 2", "9223372036854775808", "8192p"])(
  "refuses %j",
  (text) => {
    expect(bytesIn(text)).toBeUndefined();
  },
);
