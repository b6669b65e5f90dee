import { describe, expect, test } from "vitest";
import { checkFields, isAtLeast, knownFaults, parseVersion, pauseBreaksVsock } from "./versions.ts";

describe("parseVersion", () => {
  test.each([
    ["1.16.1", 1, 16, 1],
    ["v1.14.4", 1, 14, 4],
    ["1.17.0-dev", 1, 17, 0],
  ])("%s", (text, major, minor, patch) => {
    expect(parseVersion(text)).toEqual({ text, major, minor, patch });
  });

  test.each(["", "1.16", "1.16.x", "1.16.1.2", "99999.1.1"])("refuses %j", (text) => {
    expect(() => parseVersion(text)).toThrow(/expected a version of Firecracker/);
  });
});

test.each([
  ["1.16.0", "1.16", true],
  ["1.15.9", "1.16", false],
  ["1.16.1", "1.16.2", false],
  ["1.17.0-dev", "1.17", true],
  ["2.0.0", "1.17", true],
  ["0.25.0", "1.14", false],
])("%s is at least %s: %s", (text, since, expected) => {
  expect(isAtLeast(parseVersion(text), since)).toBe(expected);
});

describe("checkFields", () => {
  const check = (version: string, path: string, body: object) => (): void =>
    checkFields(parseVersion(version), path, body);

  test.each([
    [
      "1.15.1",
      "/serial",
      { rate_limiter: { size: 1, refill_time: 1 } },
      "rate_limiter needs Firecracker 1.16",
    ],
    ["1.14.4", "/network-interfaces/eth0", { mtu: 1500 }, "mtu needs Firecracker 1.16"],
    ["1.15.1", "/snapshot/load", { vsock_override: {} }, "vsock_override needs Firecracker 1.16"],
    ["1.14.0", "/snapshot/load", { clock_realtime: true }, "clock_realtime needs Firecracker 1.16"],
    [
      "1.16.2",
      "/machine-config",
      { huge_pages: "Transparent" },
      "huge_pages=Transparent needs Firecracker 1.17",
    ],
  ])("%s refuses in %s %j", (version, path, body, message) => {
    expect(check(version, path, body)).toThrow(message);
    expect(check("1.17.0", path, body)).not.toThrow();
  });

  test("takes what every release knows", () => {
    expect(check("1.14.0", "/machine-config", { huge_pages: "2M" })).not.toThrow();
    expect(check("1.14.0", "/serial", { serial_out_path: "s", rate_limiter: undefined })).not.toThrow();
  });
});

test.each([
  ["1.14.4", ["start", "restore"], false],
  ["1.15.1", ["start"], false],
  ["1.16.0", ["start", "restore", "pause"], true],
  ["1.16.1", ["start", "pause"], true],
  ["1.16.2", [], false],
  ["1.17.0-dev", [], false],
])("%s is known to fail after %j", (text, after, pause) => {
  const version = parseVersion(text);
  expect(knownFaults(version).map((fault) => fault.after)).toEqual(after);
  expect(pauseBreaksVsock(version)).toBe(pause);
});
