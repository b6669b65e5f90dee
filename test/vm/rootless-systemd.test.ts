import { execFile } from "node:child_process";
import {
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmdirSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { listHierarchies, membersOf } from "../../src/host/cgroup.ts";
import { makeBundle } from "../fixtures/make-bundle.ts";
import { OrdinaryUser } from "../fixtures/ordinary-user.ts";

/** A scope of the user's own systemd, with a stand-in for it: docs/rootless.md. */
const FAKES = fileURLToPath(new URL("../fakes/systemd", import.meta.url));
/** What the host's systemd delegates to that of the user. */
const BASE = `/nktest-${process.pid}.service`;

let user: OrdinaryUser;

beforeAll(async () => {
  user = await OrdinaryUser.make({ hasSystemd: true });
  for (const { mountPoint } of listHierarchies()) delegate(mountPoint, user.uid);
  // Version 2 lets nobody move a process between parts of the tree that are not theirs: the user is in it from the beginning.
  const move = listHierarchies().map(({ mountPoint }) => `echo $$ >${mountPoint}${BASE}/cgroup.procs`);
  user.launcher = ["sh", "-ec", `${move.join("; ")}; exec "$@"`, "sh"];
});
afterAll(async () => {
  const left = await user.processes();
  await user[Symbol.asyncDispose]();
  const folders = listHierarchies().map(({ mountPoint }) => join(mountPoint, BASE));
  const scopes = folders.flatMap((path) => scopesIn(path));
  for (const path of folders) removeEmpty(path);
  expect({ left, scopes }).toEqual({ left: [], scopes: [] });
});

function delegate(mountPoint: string, uid: number): void {
  const folder = join(mountPoint, BASE);
  mkdirSync(folder);
  // A new cpuset of version 1 takes no process.
  for (const name of ["cpuset.cpus", "cpuset.mems"]) {
    const path = join(folder, name);
    if (existsSync(path)) writeFileSync(path, readFileSync(join(mountPoint, name)));
  }
  for (const path of [folder, ...readdirSync(folder).map((name) => join(folder, name))])
    chownSync(path, uid, uid);
}

function subfolders(path: string): string[] {
  const entries = readdirSync(path, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(path, name));
}

function scopesIn(path: string): string[] {
  return subfolders(path).flatMap((folder) => [
    ...scopesIn(folder),
    ...(folder.endsWith(".scope") ? [folder] : []),
  ]);
}

function removeEmpty(path: string): void {
  for (const folder of subfolders(path)) removeEmpty(folder);
  rmdirSync(path);
}

it("has the container's processes, and ends with it", async () => {
  const bundle = await makeBundle({ args: ["sleep", "1000"] });
  const dir = join(user.home, "bundle");
  await promisify(execFile)("cp", ["-r", bundle.dir, dir]);
  await promisify(execFile)("chown", ["-R", `${user.name}:`, dir]);
  await bundle.cleanup();
  await user.sh("mkdir systemd");
  const fakes = `PATH=${FAKES}:$PATH FAKE_SYSTEMD=$HOME/systemd FAKE_SYSTEMD_USER=${BASE}`;
  const nk = (words: string): Promise<string> => user.sh(`${fakes} ${user.nkRuntime} ${words}`);

  await nk(`--systemd-cgroup run -d --mode=vm --bundle ${dir} box </dev/null >out 2>&1`);
  const unit = "nano-sandbox-box.scope";
  const { pid } = JSON.parse(await nk("state box")) as { pid: number };
  for (const { mountPoint } of listHierarchies())
    expect(membersOf(join(mountPoint, BASE, "user.slice", unit))).toContain(pid);
  await nk("delete --force box");

  const calls = readFileSync(join(user.home, "systemd/calls"), "utf8").trimEnd().split("\n");
  expect(calls[0]).toBe("systemctl --user show --property=ControlGroup --value");
  expect(calls[1]).toMatch(new RegExp(`^systemd-run --user --scope .*--unit=${unit} --slice=user\\.slice `));
  expect(calls.at(-1)).toBe(`systemctl --user stop -- ${unit}`);
});
