import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { MS } from "../host/mount-flags.ts";
import { bundleVolumes, writableRoot } from "./bundle-folder.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "nk-bundle-"));
  mkdirSync(join(folder, "a/rootfs"), { recursive: true });
  symlinkSync("a/rootfs", join(folder, "link"));
  symlinkSync(".", join(folder, "self"));
  symlinkSync("/", join(folder, "host"));
});
afterEach(() => rmSync(folder, { recursive: true }));

it.each<[what: string, root: unknown, writable: string | undefined]>([
  ["a folder below", { path: "a/rootfs" }, "a/rootfs"],
  ["a folder below, not as it is written", { path: "./a/../a/rootfs/" }, "a/rootfs"],
  ["a read-only one", { path: "a/rootfs", readonly: true }, undefined],
  ["the bundle itself", { path: "." }, undefined],
  ["a folder elsewhere", { path: "../elsewhere" }, undefined],
  ["an absolute path", { path: "/etc" }, undefined],
  ["a link", { path: "link" }, undefined],
  ["a link to the bundle", { path: "self" }, undefined],
  ["a link to the host's root", { path: "host" }, undefined],
  ["a folder that is not there", { path: "none" }, undefined],
  ["nothing", undefined, undefined],
  ["no path", { path: 7 }, undefined],
])("lets the guest write to the root file system: %s", (_what, root, writable) => {
  writeFileSync(join(folder, "config.json"), JSON.stringify({ root }));
  expect(writableRoot(folder)).toBe(writable);
});

it("makes all of a folder read-only that is no bundle", () => {
  expect(writableRoot(folder)).toBe(undefined);
  expect(bundleVolumes(folder, undefined)).toEqual([
    { kind: "volume", source: folder, flags: MS.BIND | MS.REC | MS.RDONLY },
  ]);
});

it("has the root file system looked for without links at each start", () => {
  expect(bundleVolumes(folder, "a/rootfs")[1]).toEqual({
    kind: "inner",
    source: folder,
    name: "a/rootfs",
    flags: MS.BIND | MS.REC,
  });
});

it("refuses what is no folder, and a config.json that is no JSON", () => {
  expect(() => writableRoot(join(folder, "none"))).toThrow(/expected a folder, found nothing there/);
  writeFileSync(join(folder, "config.json"), "{");
  expect(() => writableRoot(folder)).toThrow(/not valid JSON/);
  expect(() => writableRoot(join(folder, "config.json"))).toThrow(/expected a folder, found something else/);
});
