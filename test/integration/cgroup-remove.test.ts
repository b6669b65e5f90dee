import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { cgroupFolder, makeCgroup, membersOf, planCgroup } from "../../src/host/cgroup.ts";
import { markedEnvironment, removeCgroups } from "../../src/host/cgroup-remove.ts";
import { killProcess } from "../../src/host/process-info.ts";
import { buildNative, helper } from "./shadow-rig.ts";

beforeAll(buildNative);

const nameOf = (pid: number): string => {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8").trim();
  } catch {
    return ""; // it has just ended
  }
};

test("what changed its user and lost its mark ends by its guard, which is left to do that", async () => {
  const stateDir = mkdtempSync(join(tmpdir(), "nk-state-"));
  const folders = planCgroup(cgroupFolder(undefined, basename(stateDir)));
  const owner = [
    'for file in "$@"; do echo $$ >"$file"; done',
    `${helper} spawn --parent $$ --guard $$ -- /usr/bin/setpriv --reuid=65534 --clear-groups env -i sleep 600 &`,
    "wait",
  ].join("\n");
  const child = spawn("/bin/sh", ["-c", owner, "sh", ...makeCgroup(folders)], {
    env: markedEnvironment(stateDir),
    stdio: "inherit",
  });
  try {
    const members = (): string[] => folders.made.flatMap(membersOf).map(nameOf);
    await expect.poll(members).toEqual(expect.arrayContaining(["sh", "sleep", "nk-guard"]));
    await removeCgroups(folders.made, stateDir);
    expect(folders.made.filter((path) => existsSync(path))).toEqual([]);
  } finally {
    for (const pid of folders.made.flatMap(membersOf)) killProcess(pid);
    child.kill("SIGKILL");
    rmSync(stateDir, { recursive: true });
  }
});
