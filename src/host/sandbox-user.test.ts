import { expect, test } from "vitest";
import { sandboxUser, userBeforehandIn, userIn } from "./sandbox-user.ts";

test.each([
  ["all users of the host", "         0          0 4294967295\n", 2_000_000_123],
  ["an unprivileged container's", "         0     100000      65536\n", 65_534],
  ["some more of them", "0 100000 65536\n1999999000 1999999000 2000\n", 2_000_000_123],
])("in a namespace with %s", (_, map, expected) => {
  expect(userIn(map, 123)).toBe(expected);
});

test("is never root", () => {
  expect(sandboxUser()).toBeGreaterThan(0);
});

test.each([
  ["all users of the host", "0 0 4294967295", { from: 2_000_000_000 }],
  ["users for some pids alone", "0 100000 65536\n1999999000 1999999000 2000", 65_534],
])("beforehand, with %s", (_, map, expected) => {
  expect(userBeforehandIn(map, 4_194_304)).toEqual(expected);
});
