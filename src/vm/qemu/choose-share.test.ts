import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { chooseVolumes } from "./choose-share.ts";

/** What stands for an installed server: it is looked for, not run. */
const FOUND = process.execPath;
const NOWHERE = "/nowhere/server";

beforeEach(() => {
  vi.stubEnv("NK_DIOD", NOWHERE);
});
afterEach(() => vi.unstubAllEnvs());

test.each([
  ["auto", ["virtiofs", "9p"], FOUND, { volumes: "virtiofs", server: FOUND }],
  ["auto", ["virtiofs", "9p"], NOWHERE, { volumes: "9p" }],
  ["auto", ["9p"], FOUND, { volumes: "9p" }],
  ["9p", ["virtiofs", "9p"], FOUND, { volumes: "9p" }],
  ["virtiofs", ["virtiofs"], FOUND, { volumes: "virtiofs", server: FOUND }],
] as const)("%s with a kernel for %j and the virtiofsd %s", (want, supported, virtiofsd, volumes) => {
  vi.stubEnv("NK_VIRTIOFSD", virtiofsd);
  expect(chooseVolumes(want, supported)).toEqual(volumes);
});

test.each([
  ["auto", ["virtiofs"], NOWHERE, /needs virtiofsd/],
  ["auto", [], FOUND, /no share at all/],
  ["virtiofs", ["virtiofs"], NOWHERE, /needs virtiofsd/],
  ["9p-vsock", ["9p-vsock"], FOUND, /needs diod, and none was found/],
  ["auto", ["9p-vsock"], FOUND, /cannot mount virtiofs/],
] as const)(
  "%s with a kernel for %j and the virtiofsd %s is refused",
  (want, supported, virtiofsd, message) => {
    vi.stubEnv("NK_VIRTIOFSD", virtiofsd);
    expect(() => chooseVolumes(want, supported)).toThrow(message);
  },
);
