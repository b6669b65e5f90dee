import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { execProcess } from "./exec-process.ts";
import type { ExecOverrides } from "./exec-process.ts";

const NONE: ExecOverrides = {
  args: ["ls"],
  terminal: false,
  env: [],
  cwd: undefined,
  user: undefined,
  additionalGids: [],
  capabilities: [],
  noNewPrivileges: undefined,
  apparmorProfile: undefined,
  selinuxLabel: undefined,
};

const PROCESS = {
  terminal: true,
  args: ["sh"],
  env: ["PATH=/bin"],
  cwd: "/srv",
  user: { uid: 5, gid: 6, additionalGids: [7] },
  capabilities: { bounding: ["CAP_KILL"], inheritable: ["CAP_KILL"] },
  rlimits: [{ type: "RLIMIT_NOFILE", hard: 1, soft: 1 }],
  noNewPrivileges: true,
};

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "nk-exec-"));
  writeFileSync(join(dir, "config.json"), JSON.stringify({ process: PROCESS }));
});
afterEach(() => rmSync(dir, { recursive: true }));

const made = (overrides: Partial<ExecOverrides>) => execProcess(dir, { ...NONE, ...overrides });

it("inherits all of the container's process but its args and terminal", () => {
  expect(made({})).toEqual({ ...PROCESS, args: ["ls"], terminal: false });
});

it("adds variables after the inherited ones", () => {
  expect(made({ env: ["PATH=/x", "A=1"] })["env"]).toEqual(["PATH=/bin", "PATH=/x", "A=1"]);
});

it("changes the user, and keeps what is not given", () => {
  expect(made({ user: "9" })["user"]).toEqual({ uid: 9, gid: 6, additionalGids: [7] });
  expect(made({ user: "9:8", additionalGids: [3] })["user"]).toEqual({
    uid: 9,
    gid: 8,
    additionalGids: [7, 3],
  });
  expect(() => made({ user: "www" })).toThrow('--user: expected UID or UID:GID in numbers, found "www"');
});

it("adds capabilities to every set but the inheritable one", () => {
  expect(made({ capabilities: ["CAP_SYS_TIME"] })["capabilities"]).toEqual({
    bounding: ["CAP_KILL", "CAP_SYS_TIME"],
    effective: ["CAP_SYS_TIME"],
    permitted: ["CAP_SYS_TIME"],
    ambient: ["CAP_SYS_TIME"],
    inheritable: ["CAP_KILL"],
  });
});

it("takes folder, privileges and labels from the flags", () => {
  const overrides = { cwd: "/", noNewPrivileges: false, apparmorProfile: "p", selinuxLabel: "l" };
  expect(made(overrides)).toMatchObject(overrides);
});
