import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Bundle } from "../oci/bundle.ts";
import { checkConfig } from "../oci/config.ts";
import { diskRoot, needsVolumes } from "./disk-root.ts";

let rootfs: string;

beforeEach(() => {
  rootfs = mkdtempSync(join(tmpdir(), "nk-root-"));
  for (const name of ["dev", "proc", "data", "work"]) mkdirSync(join(rootfs, name));
  symlinkSync("/data", join(rootfs, "link"));
});

afterEach(() => rmSync(rootfs, { recursive: true }));

const DEV = { destination: "/dev", type: "tmpfs", source: "tmpfs" };
const bind = (destination: string) => ({ destination, type: "bind", source: "/srv", options: ["rbind"] });

function bundleWith(mounts: object[], readonly = true, cwd = "/"): Bundle {
  const raw = {
    ociVersion: "1.0.2",
    process: { args: ["sh"], cwd },
    root: { path: rootfs, readonly },
    mounts,
  };
  return { path: rootfs, rootfs, raw, text: "", config: checkConfig(raw, "config.json") };
}

it.each([
  ["config.json lets the container write", [DEV], false, "/", true],
  ["all mount points are there", [DEV, bind("/data")], true, "/work", false],
  [
    "a mount point is inside of another mount",
    [DEV, { destination: "/dev/pts", type: "devpts" }],
    true,
    "/",
    false,
  ],
  ["a mount point is missing", [DEV, bind("/made")], true, "/", true],
  ["a mount point is behind a link", [DEV, bind("/link")], true, "/", true],
  ["the working directory is missing", [DEV], true, "/none", true],
  ["devices have to be made", [], true, "/", true],
])("when %s", (_what, mounts, readonly, cwd, writable) => {
  expect(diskRoot(bundleWith(mounts, readonly, cwd), false).writable).toBe(writable);
});

it("needs a share for bind mounts, and to copy back what a container can change", () => {
  expect(needsVolumes(bundleWith([DEV]), false)).toBe(false);
  expect(needsVolumes(bundleWith([DEV, bind("/data")]), false)).toBe(true);
  for (const [readonly, copied] of [
    [false, true],
    [true, false],
  ] as const) {
    expect(needsVolumes(bundleWith([DEV], readonly), true)).toBe(copied);
    expect(diskRoot(bundleWith([DEV], readonly), true).sync).toBe(copied);
  }
});
