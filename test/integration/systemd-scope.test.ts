import { afterAll, beforeAll, expect, it } from "vitest";
import { FakeSystemd } from "../fixtures/fake-systemd.ts";
import { expectRefused, type Refusal } from "../fixtures/refused.ts";
import { residue } from "../vm/residue.ts";
import { Runtime } from "../vm/runtime.ts";

/** `--systemd-cgroup` where no VM comes to be: systemd refuses, hangs, or is not there. With a stand-in for it. */
let runtime: Runtime;
let systemd: FakeSystemd;
let count = 0;

beforeAll(() => {
  runtime = new Runtime("--vm-accel=tcg");
  systemd = new FakeSystemd(runtime);
});
afterAll(async () => {
  expect(await runtime.close()).toEqual([]);
  expect(systemd.close()).toEqual([]);
});

async function refused(
  message: RegExp,
  cgroupsPath: string | undefined,
  { env, ...options }: Refusal = {},
): Promise<string> {
  const { dir } = await runtime.bundle({ linux: { cgroupsPath } });
  const id = runtime.id();
  const args = ["--systemd-cgroup", "run", "--mode=vm", "--vm-accel=tcg", "-b", dir, id];
  await expectRefused(runtime, args, message, { ...options, env: { ...systemd.env, ...env } });
  return id;
}

function newPath(): { path: string; unit: string } {
  count += 1;
  return { path: `${systemd.slice}:libpod:${count}`, unit: `libpod-${count}.scope` };
}

it("is refused where systemd does not run, in runc's words", async () => {
  const plain = new Runtime();
  const { dir } = await plain.bundle();
  const words =
    /^nk-runtime: systemd cgroup flag passed, but systemd support for managing cgroups is not available/;
  await expectRefused(plain, ["--systemd-cgroup", "run", "--mode=vm", "-b", dir, plain.id()], words);
  expect(await plain.close()).toEqual([]);
});

it.each([
  [
    "/a/path",
    /^nk-runtime: expected cgroupsPath to be of format "slice:prefix:name" for systemd cgroups, got/,
  ],
  ["a/b.slice:x:y", /^nk-runtime: invalid slice name: a\/b\.slice: correct linux\.cgroupsPath/],
])("refuses the cgroupsPath %s", async (path, message) => {
  await refused(message, path);
});

it.each([
  ["refuses", 1, /: systemd did not make the scope libpod-\d+\.scope: Failed to start .*: Access denied$/],
  ["dies", 1, /: systemd did not make the scope \S+: systemd-run has ended without a word$/],
])("says so when systemd %s, and leaves nothing", async (fault, code, message) => {
  const { path, unit } = newPath();
  await refused(message, path, { code, env: { FAKE_SYSTEMD_FAULT: fault } });
  expect(systemd.folders(unit)).toEqual([]);
  expect(systemd.units()).toEqual([]);
});

it("waits for a systemd that hangs no longer than its deadline", async () => {
  const env = { FAKE_SYSTEMD_FAULT: "silent", NK_TIMEOUT_SCALE: "0.02" };
  await refused(/: systemd's scope libpod-\d+\.scope did not come within \d+ ms$/, newPath().path, { env });
});

it("gives up at a signal while systemd hangs", async () => {
  const called = systemd.called(systemd.calls().length);
  await refused(/^nk-runtime: SIGTERM ended the container before it was created$/, newPath().path, {
    code: 143,
    env: { FAKE_SYSTEMD_FAULT: "silent" },
    during: (child) => void called.then(() => child.kill("SIGTERM")),
  });
});

it("leaves nothing but its record when it is killed while systemd hangs, by which delete finds the scope", async () => {
  const { path, unit } = newPath();
  const { dir } = await runtime.bundle({ linux: { cgroupsPath: path } });
  const id = runtime.id();
  const called = systemd.called(systemd.calls().length);
  await runtime.call(["--systemd-cgroup", "run", "--mode=vm", "--vm-accel=tcg", "-b", dir, id], {
    env: { ...systemd.env, FAKE_SYSTEMD_FAULT: "silent" },
    during: (child) => void called.then(() => child.kill("SIGKILL")),
  });
  expect(runtime.record(id).vm).toMatchObject({ scope: unit });
  await runtime.ok(["delete", "--force", id], { env: systemd.env });
  expect(systemd.calls().at(-1)).toBe(`systemctl stop -- ${unit}`);
  expect(residue(runtime.traces())).toEqual([]);
});
