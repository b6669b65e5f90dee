import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { livesAsWithRunc } from "./life.ts";
import { Runtime } from "./runtime.ts";

let runtime: Runtime;

beforeAll(() => {
  runtime = new Runtime();
});

afterAll(async () => {
  expect(await runtime.close()).toEqual([]);
});

describe("run", () => {
  it("runs the bundle's process on a kernel that is not the host's", async () => {
    const { code, stdout, stderr } = await runtime.run({ args: ["uname", "-r"] });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^\d+\.\d+/);
    expect(stdout).not.toBe(execFileSync("uname", ["-r"], { encoding: "utf8" }));
  });

  it.each([
    [["sh", "-c", "exit 0"], 0],
    [["sh", "-c", "exit 7"], 7],
    [["sh", "-c", "exit 255"], 255],
    [["sh", "-c", "kill -KILL $$"], 0],
  ])("ends with the status of %j", async (args, code) => {
    // A process 1 cannot be killed from its own pid namespace: the last one ends with 0.
    expect((await runtime.run({ args })).code).toBe(code);
  });

  it("ends with 128 + n when the container is killed", async () => {
    const { dir } = await runtime.bundle({ args: ["sh", "-c", "echo up; sleep 1000"] });
    const id = runtime.id();
    const result = await runtime.call(["run", "--mode=vm", "--bundle", dir, id], {
      during: (child) => child.stdout?.once("data", () => void runtime.call(["kill", id, "KILL"])),
    });
    expect(result).toEqual({ code: 137, stdout: "up\n", stderr: "" });
  });

  it("hands signals on to the container", async () => {
    const { dir } = await runtime.bundle({
      args: ["sh", "-c", "trap 'echo got it; exit 3' TERM; echo up; while :; do sleep 0.1; done"],
    });
    const result = await runtime.call(["run", "--mode=vm", "--bundle", dir, runtime.id()], {
      during: (child) => child.stdout?.once("data", () => child.kill("SIGTERM")),
    });
    expect(result).toEqual({ code: 3, stdout: "up\ngot it\n", stderr: "" });
  });

  it("says what could not be started in runc's words, and leaves nothing", async () => {
    const { code, stderr } = await runtime.run({ args: ["no-such-program"] });
    expect(code).toBe(1);
    expect(stderr).toContain('exec: "no-such-program": executable file not found in $PATH');
  });
});

describe("the life of a container", () => {
  it("goes through create, start, kill and delete as with runc", () => livesAsWithRunc(runtime));

  it("lists what there is", async () => {
    const id = await runtime.background();
    expect(await runtime.ok(["list", "-q"])).toContain(`${id}\n`);
    const table = await runtime.ok(["list"]);
    expect(table).toMatch(/^ID +PID +STATUS +BUNDLE +CREATED +OWNER/);
    const rows = JSON.parse(await runtime.ok(["list", "--format", "json"])) as {
      id: string;
      status: string;
    }[];
    expect(rows.find((row) => row.id === id)).toMatchObject({ status: "running" });
    expect(await runtime.ok(["ps", id])).toContain("sleep 1000000");
    // Those of the host, for those who look there.
    const { pid } = runtime.record(id);
    expect(JSON.parse(await runtime.ok(["ps", "--format", "json", id]))).toEqual([pid]);
    const pidFile = join(runtime.root, ".exec.pid");
    await runtime.detached(["exec", "-d", "--pid-file", pidFile, id, "sleep", "1000"]);
    const pids = [pid, Number(readFileSync(pidFile, "utf8"))];
    expect(JSON.parse(await runtime.ok(["ps", "--format", "json", id]))).toEqual(pids.sort((a, b) => a - b));
    await runtime.ok(["delete", "--force", id]);
  });

  it("deletes by force a container whose VM hangs", async () => {
    const id = await runtime.background();
    const record = JSON.parse(readFileSync(join(runtime.root, id, "state.json"), "utf8")) as {
      vm: { vmmPid: number };
    };
    process.kill(record.vm.vmmPid, "SIGSTOP");
    await runtime.ok(["delete", "--force", id]);
    expect(await runtime.call(["state", id])).toMatchObject({ code: 1 });
  });

  it("leaves no lock of a share's server when its monitor is killed", async () => {
    const id = await runtime.background();
    const record = JSON.parse(readFileSync(join(runtime.root, id, "state.json"), "utf8")) as {
      vm: { monitorPid: number };
    };
    process.kill(record.vm.monitorPid, "SIGKILL");
    await expect.poll(() => runtime.ok(["state", "--short", id])).toBe("stopped (vm)\n");
    await runtime.ok(["delete", "--force", id]);
    const locks = existsSync("/run/virtiofsd") ? readdirSync("/run/virtiofsd") : [];
    expect(locks.filter((name) => name.includes(id))).toEqual([]);
  });

  it("kills a container whose shadow is killed", async () => {
    const id = await runtime.background();
    const { pid } = JSON.parse(await runtime.ok(["state", id])) as { pid: number };
    process.kill(pid, "SIGKILL");
    await expect.poll(() => runtime.ok(["state", "--short", id])).toBe("stopped (vm)\n");
    await runtime.ok(["delete", id]);
  });
});
