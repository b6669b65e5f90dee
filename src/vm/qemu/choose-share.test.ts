import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { autoShare, shareKind } from "./choose-share.ts";

/** What stands for an installed server: it is looked for, not run. */
const FOUND = process.execPath;
const NOWHERE = "/nowhere/server";

beforeEach(() => {
  vi.stubEnv("NK_DIOD", NOWHERE);
});
afterEach(() => vi.unstubAllEnvs());

test.each([
  [["virtiofs", "9p"], FOUND, "virtiofs"],
  [["virtiofs", "9p"], NOWHERE, "9p"],
  [["virtiofs"], NOWHERE, undefined],
  [["9p-vsock"], FOUND, undefined],
] as const)("auto with a kernel for %j and the virtiofsd %s is %s", (supported, virtiofsd, kind) => {
  vi.stubEnv("NK_VIRTIOFSD", virtiofsd);
  expect(autoShare(supported)).toBe(kind);
});

describe("the kind of share", () => {
  test.each([
    ["auto", ["virtiofs", "9p"], FOUND, "virtiofs"],
    ["auto", ["virtiofs", "9p"], NOWHERE, "9p"],
    ["auto", ["9p"], FOUND, "9p"],
    ["9p", ["virtiofs", "9p"], FOUND, "9p"],
    ["virtiofs", ["virtiofs"], FOUND, "virtiofs"],
  ] as const)("%s with a kernel for %j", (want, supported, virtiofsd, kind) => {
    vi.stubEnv("NK_VIRTIOFSD", virtiofsd);
    expect(shareKind({ want, supported })).toBe(kind);
  });

  test.each([
    ["9p", ["virtiofs"], FOUND, /cannot mount 9p/],
    ["auto", ["virtiofs"], NOWHERE, /needs virtiofsd/],
    ["auto", [], FOUND, /no share at all/],
    ["virtiofs", ["virtiofs"], NOWHERE, /needs virtiofsd/],
    ["9p-vsock", ["9p-vsock"], FOUND, /needs diod, and none was found/],
    ["9p-vsock", ["virtiofs", "9p"], FOUND, /cannot mount 9p-vsock: it has drivers for virtiofs, 9p/],
    ["auto", ["9p-vsock"], FOUND, /cannot mount virtiofs/],
  ] as const)("%s with a kernel for %j is refused", (want, supported, virtiofsd, message) => {
    vi.stubEnv("NK_VIRTIOFSD", virtiofsd);
    expect(() => shareKind({ want, supported })).toThrow(message);
  });
});
