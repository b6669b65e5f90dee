import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { chooseHostRuntime } from "./host-runtime.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "nk-path-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

function install(...names: string[]): void {
  for (const name of names) {
    writeFileSync(join(dir, name), "");
    chmodSync(join(dir, name), 0o755);
  }
}

const host = (hybridControllers = "") => ({ path: `/no/such/folder:${dir}`, hybridControllers });

it("prefers runc and says why", () => {
  install("runc", "crun");
  expect(chooseHostRuntime(undefined, "/root", host())).toEqual({
    runtime: join(dir, "runc"),
    root: "/root/~host/runc",
    reason: expect.stringContaining("runc is installed") as string,
  });
});

it("takes crun when there is no runc", () => {
  install("crun");
  expect(chooseHostRuntime(undefined, "/root", host())).toMatchObject({
    runtime: join(dir, "crun"),
    reason: "runc is not installed",
  });
});

it("takes what is asked for, by name or path", () => {
  install("runc", "crun");
  expect(chooseHostRuntime("crun", "/root", host()).runtime).toBe(join(dir, "crun"));
  expect(chooseHostRuntime(join(dir, "crun"), "/root", host()).root).toBe("/root/~host/crun");
});

it("refuses crun on a host with hybrid cgroups and names the way out", () => {
  install("crun");
  expect(() => chooseHostRuntime(undefined, "/root", host("hugetlb"))).toThrow(
    /"hugetlb" beside cgroup v1: install runc/,
  );
  expect(() => chooseHostRuntime("crun", "/root", host("hugetlb"))).toThrow(/does not run on this host/);
});

it("says what to install when there is none", () => {
  expect(() => chooseHostRuntime(undefined, "/root", host())).toThrow(
    /needs runc or crun.*apt-get install runc/,
  );
  expect(() => chooseHostRuntime("youki", "/root", host())).toThrow(
    /no such runtime for container mode: youki/,
  );
});
