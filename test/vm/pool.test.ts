import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import type { PoolView } from "../../src/pool/view.ts";
import { processesOf } from "./victims.ts";
import { Runtime, type Result } from "./runtime.ts";

let runtime: Runtime;

beforeAll(() => {
  runtime = new Runtime();
});

afterEach(() => runtime.call(["vm-pool", "stop"]));

afterAll(async () => {
  expect(await runtime.close()).toEqual([]);
});

const BOOT_ID = ["cat", "/proc/sys/kernel/random/boot_id"];

async function pools(): Promise<PoolView[]> {
  return JSON.parse(await runtime.ok(["vm-pool", "status", "--format", "json"])) as PoolView[];
}

async function waitingBootIds(count: number): Promise<Result[]> {
  const { dir } = await runtime.bundle({ args: BOOT_ID });
  return Promise.all(Array.from({ length: count }, () => runtime.runAgain(dir, ["--vm-start=auto"])));
}

it("gives each VM to one container, boots the others, and is filled again", async () => {
  await runtime.ok(["vm-pool", "start", "--size=2"]);
  expect(await pools()).toMatchObject([{ size: 2, waiting: 2, taken: 0, lost: 0 }]);
  const results = await waitingBootIds(3);
  for (const { code, stderr } of results) expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(new Set(results.map(({ stdout }) => stdout)).size).toBe(3);
  await expect.poll(pools).toMatchObject([{ size: 2, waiting: 2, taken: 0 }]);
});

it("a container has its VM as one of its own", async () => {
  await runtime.ok(["vm-pool", "start", "--size=1"]);
  const id = await runtime.background({}, ["--vm-start=pool"]);
  await runtime.ok(["vm-pool", "stop"]);
  const { vm, pid } = runtime.record(id);
  // Where what it costs is counted, and what a manager of cgroups would kill.
  const members = (vm?.cgroups ?? []).map((path) =>
    readFileSync(join(path, "cgroup.procs"), "utf8").split("\n"),
  );
  expect(members).not.toEqual([]);
  const parts = [vm?.monitorPid, vm?.vmmPid, pid].map(String);
  for (const pids of members) expect(pids).toEqual(expect.arrayContaining(parts));
  expect(await runtime.ok(["exec", id, "echo", "in it"])).toBe("in it\n");
  expect(await runtime.ok(["ps", id])).toContain("sleep 1000000");
  expect(await runtime.ok(["vm-console", id])).not.toBe("");
  expect(await runtime.ok(["vm-stats", id])).toContain("share server");
  expect(await runtime.ok(["vm-list"])).toContain(id);
  await runtime.ok(["pause", id]);
  await runtime.ok(["resume", id]);
  await runtime.ok(["delete", "--force", id]);
  expect(processesOf(runtime.root)).toEqual([]);
});

it("gives no VM of another shape, none where a cold start is asked for, and says so where one is demanded", async () => {
  await runtime.ok(["vm-pool", "start", "--size=1"]);
  const { dir } = await runtime.bundle({ args: ["true"] });
  const demanded = await runtime.runAgain(dir, ["--vm-start=pool", "--vm-memory=256"]);
  expect(demanded).toMatchObject({ code: 1, stdout: "" });
  expect(demanded.stderr).toContain("no VM can be taken: none of this shape waits");
  expect((await runtime.runAgain(dir, ["--vm-start=cold"])).code).toBe(0);
  expect(await pools()).toMatchObject([{ size: 1, waiting: 1, taken: 0 }]);
});

it("a VM that was killed while it waited is no loss to the container", async () => {
  await runtime.ok(["vm-pool", "start", "--size=1"]);
  for (const { pid, argv } of processesOf(runtime.root))
    if (argv[0]?.includes("qemu") === true) process.kill(pid, "SIGKILL");
  const { dir } = await runtime.bundle({ args: ["true"] });
  expect(await runtime.runAgain(dir)).toMatchObject({ code: 0 });
  expect(await runtime.ok(["gc"])).toMatch(/^$|VM of a pool that was killed/);
});
