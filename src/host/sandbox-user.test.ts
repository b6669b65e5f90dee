import { afterAll, describe, expect, test } from "vitest";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sandboxUser, userBeforehandIn, userIn } from "./sandbox-user.ts";
import { rangesIn } from "./user-namespace.ts";

test.each([
  ["all users of the host", "         0          0 4294967295\n", 2_000_000_123],
  ["an unprivileged container's", "         0     100000      65536\n", 65_534],
  ["its owner alone", "0 1000 1\n", 0],
  ["some more of them", "0 100000 65536\n1999999000 1999999000 2000\n", 2_000_000_123],
])("in a namespace with %s", (_, map, expected) => {
  expect(userIn(rangesIn(map), 123)).toBe(expected);
});

test("is never root", () => {
  expect(sandboxUser()).toBeGreaterThan(0);
});

test.each([
  ["all users of the host", "0 0 4294967295", { from: 2_000_000_000 }],
  ["users for some pids alone", "0 100000 65536\n1999999000 1999999000 2000", 65_534],
])("beforehand, with %s", (_, map, expected) => {
  expect(userBeforehandIn(rangesIn(map), 4_194_304)).toEqual(expected);
});

describe("with a device", () => {
  const dir = mkdtempSync(join(tmpdir(), "nk-device-"));
  const device = join(dir, "kvm");
  writeFileSync(device, "");
  afterAll(() => rmSync(dir, { recursive: true }));

  test.each([
    ["for everybody", 0o666, "0 1000 1\n1 100000 65536\n", 65_534],
    ["for a group, which its owner may be in", 0o660, "0 1000 1\n1 100000 65536\n", 0],
    ["for a group, on the host", 0o660, "0 0 4294967295\n", 2_000_000_123],
  ])("%s", (_, mode, map, expected) => {
    chmodSync(device, mode);
    expect(userIn(rangesIn(map), 123, [device])).toBe(expected);
  });
});
