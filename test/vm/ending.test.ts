import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, it } from "vitest";
import { isAlive } from "../../src/host/process-info.ts";
import { Runtime, type Result } from "./runtime.ts";

let runtime: Runtime;

beforeEach(() => {
  runtime = new Runtime();
});
afterEach(async () => {
  expect(await runtime.close()).toEqual([]);
});

it("delete is refused while a container runs, or is paused, and it lives on", async () => {
  const id = await runtime.background();
  const refused = async (status: string): Promise<void> => {
    const { code, stderr } = await runtime.call(["delete", id]);
    expect(code).toBe(1);
    expect(stderr).toContain(`cannot delete container ${id} that is not stopped: ${status}: `);
  };
  await refused("running");
  await runtime.ok(["pause", id]);
  await refused("paused");
  await runtime.ok(["resume", id]);
  expect(await runtime.ok(["exec", id, "echo", "alive"])).toBe("alive\n");
});

it("delete waits for a container that is ending", async () => {
  const id = await runtime.background();
  await runtime.ok(["kill", id, "KILL"]);
  await expect.poll(() => runtime.record(id).exitStatus).toBe(137);
  expect(await runtime.call(["delete", id])).toEqual({ code: 0, stdout: "", stderr: "" });
});

it("delete ends one that was made to be ended by it", async () => {
  const id = await runtime.background({}, ["--vm-end-on-delete=on"]);
  expect(await runtime.call(["delete", id])).toEqual({ code: 0, stdout: "", stderr: "" });
});

it("delete ends a run in the foreground, which removes it as well", async () => {
  const id = runtime.id();
  const { dir } = await runtime.bundle({ args: ["sh", "-c", "echo up; exec sleep 1000000"] });
  let removed: Promise<Result> | undefined;
  const run = await runtime.call(["run", "--mode=vm", "--bundle", dir, id], {
    during: (child) =>
      child.stdout?.once("data", () => {
        removed = runtime.call(["delete", id]);
      }),
  });
  expect(await removed).toEqual({ code: 0, stdout: "", stderr: "" });
  expect(run).toMatchObject({ code: 137, stdout: "up\n" });
});

it("one that is ending runs and takes signals as long as its pid is there", async () => {
  const id = await runtime.background();
  await runtime.ok(["kill", id, "KILL"]);
  await expect.poll(() => runtime.record(id).exitStatus, { interval: 5 }).toBe(137);
  const { pid, pidStartTime, vm } = runtime.record(id);
  const vmmPid = vm?.vmmPid ?? 0;
  process.kill(vmmPid, "SIGSTOP");
  expect(await runtime.ok(["state", "--short", id])).toBe("running (vm)\n");
  expect(await runtime.call(["kill", id])).toEqual({ code: 0, stdout: "", stderr: "" });
  expect(isAlive(pid, pidStartTime)).toBe(true);
  process.kill(vmmPid, "SIGCONT");
  await expect.poll(() => runtime.ok(["state", "--short", id])).toBe("stopped (vm)\n");
  expect(isAlive(pid, pidStartTime)).toBe(false);
  expect((await runtime.call(["kill", id])).stderr).toMatch(/^nk-runtime: container not running: /);
  expect(await runtime.call(["kill", "--all", id])).toMatchObject({ code: 0 });
});

it("state, kill, pause, resume and delete need no environment, and say no more than their answer", async () => {
  const id = await runtime.background();
  const bare = (...words: string[]) =>
    promisify(execFile)(runtime.program, ["--root", runtime.root, ...words], { env: {}, cwd: "/" });
  const silent = { stdout: "", stderr: "" };
  const { stdout, stderr } = await bare("state", id);
  expect({ stderr, ...(JSON.parse(stdout) as object) }).toMatchObject({ stderr: "", id, status: "running" });
  expect(await bare("pause", id)).toEqual(silent);
  expect(await bare("resume", id)).toEqual(silent);
  expect(await bare("kill", id, "0")).toEqual(silent);
  expect(await bare("kill", id, "9")).toEqual(silent);
  await expect.poll(() => runtime.record(id).exitStatus).toBe(137);
  expect(await bare("delete", id)).toEqual(silent);
});
