import { describe, expect, test } from "vitest";
import { autoShare, shareKind } from "./choose.ts";
import type { Virtiofsd } from "./virtiofs.ts";

const server: Virtiofsd = { path: "/usr/lib/qemu/virtiofsd", flavour: "c" };

test.each([
  [["virtiofs", "9p"], server, "virtiofs"],
  [["virtiofs", "9p"], null, "9p"],
  [["virtiofs"], null, undefined],
  [["9p-vsock"], server, undefined],
] as const)("auto with a kernel for %j is %s", (supported, found, kind) => {
  expect(autoShare(supported, found)).toBe(kind);
});

describe("the kind of share", () => {
  test.each([
    ["auto", ["virtiofs", "9p"], server, "virtiofs"],
    ["auto", ["virtiofs", "9p"], null, "9p"],
    ["auto", ["9p"], server, "9p"],
    ["9p", ["virtiofs", "9p"], server, "9p"],
    ["virtiofs", ["virtiofs"], server, "virtiofs"],
  ] as const)("%s with a kernel for %j", (want, supported, found, kind) => {
    expect(shareKind({ want, supported }, { virtiofsd: found, diod: null })).toBe(kind);
  });

  test.each([
    ["9p", ["virtiofs"], server, /cannot mount 9p/],
    ["auto", ["virtiofs"], null, /needs virtiofsd/],
    ["auto", [], server, /no share at all/],
    ["virtiofs", ["virtiofs"], null, /needs virtiofsd/],
    ["9p-vsock", ["9p-vsock"], server, /needs diod, and none was found/],
    ["9p-vsock", ["virtiofs", "9p"], server, /cannot mount 9p-vsock: it has drivers for virtiofs, 9p/],
    ["auto", ["9p-vsock"], server, /cannot mount virtiofs/],
  ] as const)("%s with a kernel for %j is refused", (want, supported, found, message) => {
    expect(() => shareKind({ want, supported }, { virtiofsd: found, diod: null })).toThrow(message);
  });
});
