import { afterAll, beforeAll, expect, it } from "vitest";
import { DRIVES_A_TERMINAL } from "./hostile-rig.ts";
import { Runtime, type Result } from "./runtime.ts";

const MIB = 1024 * 1024;
const ESCAPES = "\u001b[2J\u009b31m";

let runtime: Runtime;
let id: string;

beforeAll(async () => {
  runtime = new Runtime();
  id = await runtime.background({
    linux: { resources: { pids: { limit: 64 }, memory: { limit: 96 * MIB } } },
    files: { [`/bin/${ESCAPES}`]: "#!/bin/sh\nsleep 1000\n" },
  });
});

afterAll(async () => {
  expect(await runtime.close()).toEqual([]);
});

const sh = (script: string): Promise<Result> => runtime.call(["exec", id, "sh", "-c", script]);

it("may kill all that it sees: agent and monitor are not among it", async () => {
  await sh("kill -KILL -1");
  expect(await sh("echo alive")).toMatchObject({ code: 0, stdout: "alive\n" });
});

it("may fill its memory file system: its own limit is met, not the guest's", async () => {
  const { stdout } = await sh(
    "dd if=/dev/zero of=/dev/shm/full bs=1M count=2000 2>/dev/null; rm -f /dev/shm/full; echo over",
  );
  expect(["over\n", ""]).toContain(stdout);
  expect(await sh("echo alive")).toMatchObject({ code: 0, stdout: "alive\n" });
});

it("may flood a reader that has gone", async () => {
  const flood = await runtime.call(["exec", id, "sh", "-c", "yes | tee /dev/stderr"], {
    during: (child) => {
      child.stdout?.once("data", () => child.stdout?.destroy());
      child.stderr?.once("data", () => child.stderr?.destroy());
    },
  });
  expect(flood.code).not.toBe(0);
  expect(await sh("echo alive")).toMatchObject({ code: 0, stdout: "alive\n" });
});

it("cannot drive a terminal by the names of its programs", async () => {
  await runtime.detached(["exec", "-d", id, `/bin/${ESCAPES}`]);
  const table = await runtime.ok(["ps", id]);
  expect(table).toContain("\\x1b[2J\\x9b31m");
  expect(table).not.toMatch(DRIVES_A_TERMINAL);
});

it("may bomb with forks: its limit holds, and delete --force ends it", async () => {
  await runtime.detached(["exec", "-d", id, "sh", "-c", "f() { f | f & }; while :; do f; done"]);
  const { stdout } = await runtime.call(["ps", id]);
  expect(stdout.trim().split("\n").length).toBeLessThanOrEqual(1 + 64);
  await runtime.ok(["delete", "--force", id]);
  expect(await runtime.ok(["list", "-q"])).toBe("");
});
