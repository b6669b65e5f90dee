import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { formatExact } from "../../src/base/exact-json.ts";
import { NK_RUNTIME } from "../fixtures/nk-runtime.ts";
import {
  SLEEPER,
  bundle,
  create,
  dir,
  exitOf,
  firstOutput,
  nk,
  script,
  status,
  untilStopped,
  useHostMode,
} from "./host-mode-rig.ts";

useHostMode();

describe("limits of the process", () => {
  it("are the caller's for the runtime, though node raises its own", async () => {
    const limits = join(dir, "limits");
    const runc = join(dir, "runc");
    writeFileSync(runc, `#!/bin/sh\n(ulimit -S -n; ulimit -H -n) >${limits}\nexec runc "$@"\n`, {
      mode: 0o755,
    });
    const caller = 'ulimit -S -n 700; ulimit -H -n 1300; exec "$@"';
    const run = [
      NK_RUNTIME,
      "--root",
      nk.root,
      "run",
      `--host-runtime=${runc}`,
      "-b",
      await script("exit 0"),
      "hosted1",
    ];
    execFileSync("/bin/sh", ["-c", caller, "sh", ...run]);
    expect(readFileSync(limits, "utf8")).toBe("700\n1300\n");
  });

  it("are exact in a process file", async () => {
    await create("hosted1");
    await nk.run(["start", "hosted1"]);
    const unlimited = 2n ** 64n - 1n;
    const rlimits = [{ type: "RLIMIT_CORE", soft: unlimited, hard: unlimited }];
    const file = join(dir, "process.json");
    writeFileSync(
      file,
      formatExact({ args: ["sh", "-c", "ulimit -c"], cwd: "/", env: ["PATH=/bin"], user: null, rlimits }),
    );
    expect(await nk.run(["exec", "--process", file, "hosted1"])).toMatchObject({
      code: 0,
      stdout: "unlimited\n",
      stderr: "",
    });
  });
});

describe("run", () => {
  it("with --debug tells the steps of runc, too, and with --log in that file alone", async () => {
    const log = join(dir, "log");
    const dirOfBundle = await script("echo ok");
    const outcome = await nk.run(["--log", log, "--debug", "run", "--bundle", dirOfBundle, "hosted1"]);
    expect(outcome).toEqual({ code: 0, signal: null, stdout: "ok\n", stderr: "" });
    expect(readFileSync(log, "utf8")).toContain("runc: child process in init()");
  });

  it("connects the streams, gives the exit status, and leaves nothing", async () => {
    const dirOfBundle = await script("cat; echo err >&2; exit 7");
    const outcome = await nk.run(["run", "--bundle", dirOfBundle, "hosted1"], { input: "hello" });
    expect(outcome).toEqual({ code: 7, signal: null, stdout: "hello", stderr: "err\n" });
    expect((await nk.run(["list", "-q"])).stdout).toBe("");
  });

  it("gives 128 and the signal for a process ended by one", async () => {
    const child = nk.spawn(["run", "-b", await script("echo up; exec sleep 100"), "hosted1"]);
    await firstOutput(child);
    const ended = exitOf(child);
    await nk.run(["kill", "hosted1", "KILL"]);
    expect(await ended).toBe(137);
  });

  it("knows a foreground container, and passes signals on", async () => {
    const child = nk.spawn(["run", "-b", await script(`echo up; ${SLEEPER}`), "hosted1"]);
    await firstOutput(child);
    expect(await status("hosted1")).toBe("running (container)");
    const ended = exitOf(child);
    child.kill("SIGTERM");
    expect(await ended).toBe(5);
  });

  it("keeps the container with --keep", async () => {
    await nk.run(["run", "--keep", "-b", await script("exit 3"), "hosted1"]);
    expect(await status("hosted1")).toBe("stopped (container)");
    expect((await nk.run(["delete", "hosted1"])).code).toBe(0);
  });

  it("returns at once with -d", async () => {
    const pidFile = join(dir, "pid");
    const words = ["run", "-d", "--pid-file", pidFile, "-b", await script(SLEEPER), "hosted1"];
    expect((await nk.run(words, { streams: "ignored" })).code).toBe(0);
    const state = JSON.parse((await nk.run(["state", "hosted1"])).stdout) as { pid: number };
    expect(readFileSync(pidFile, "utf8")).toBe(String(state.pid));
  });

  it("tells why a program cannot be started, and frees the id", async () => {
    const missing = await bundle({ args: ["/no/such/program"] });
    const log = join(dir, "log.json");
    const { code, stderr } = await nk.run([
      "--log",
      log,
      "--log-format",
      "json",
      "run",
      "-b",
      missing,
      "hosted1",
    ]);
    expect(code).toBe(1);
    expect(stderr.trim()).toMatch(/^[^\n]*"\/no\/such\/program"[^\n]*no such file or directory$/);
    const entry = JSON.parse(readFileSync(log, "utf8")) as { level: string; msg: string };
    expect(entry).toMatchObject({
      level: "error",
      msg: expect.stringContaining("no such file or directory") as string,
    });
    expect((await nk.run(["run", "-b", await script("true"), "hosted1"])).code).toBe(0);
  });
});

describe("a container's life", () => {
  it("goes from create to delete with the states of the specification", async () => {
    await create("hosted1");
    const created = JSON.parse((await nk.run(["state", "hosted1"])).stdout) as Record<string, unknown>;
    expect(created).toMatchObject({
      id: "hosted1",
      status: "created",
      mode: "container",
      ociVersion: "1.0.2",
    });
    expect(Object.keys(created)).toEqual(
      "ociVersion id pid status bundle rootfs created owner mode".split(" "),
    );
    expect(await nk.run(["start", "hosted1"])).toMatchObject({ code: 0, stdout: "", stderr: "" });
    expect(await status("hosted1")).toBe("running (container)");
    expect((await nk.run(["start", "hosted1"])).stderr).toContain(
      "cannot start an already running container",
    );
    expect((await nk.run(["delete", "hosted1"])).stderr).toContain("that is not stopped: running");
    await nk.run(["kill", "hosted1", "KILL"]);
    await untilStopped("hosted1");
    expect(JSON.parse((await nk.run(["state", "hosted1"])).stdout)).toMatchObject({
      pid: 0,
      status: "stopped",
    });
    expect((await nk.run(["kill", "hosted1"])).stderr).toContain("container not running");
    expect((await nk.run(["kill", "--all", "hosted1", "9"])).code).toBe(0);
    expect((await nk.run(["exec", "hosted1", "true"])).code).toBe(255);
    expect(await nk.run(["delete", "hosted1"])).toMatchObject({ code: 0, stderr: "" });
    expect(await nk.run(["state", "hosted1"])).toMatchObject({ code: 1, stdout: "" });
  });

  it("pauses and resumes", async () => {
    await create("hosted1");
    await nk.run(["start", "hosted1"]);
    expect((await nk.run(["resume", "hosted1"])).stderr).toContain("container not paused");
    expect((await nk.run(["pause", "hosted1"])).code).toBe(0);
    expect(await status("hosted1")).toBe("paused (container)");
    expect((await nk.run(["pause", "hosted1"])).code).toBe(1);
    const refused = await nk.run(["exec", "hosted1", "true"]);
    expect(refused).toMatchObject({ code: 255, stderr: expect.stringContaining("paused") as string });
    expect((await nk.run(["resume", "hosted1"])).code).toBe(0);
    expect(await status("hosted1")).toBe("running (container)");
  });

  it("pauses and resumes one that has not been started, and starts it then", async () => {
    await create("hosted1");
    expect((await nk.run(["pause", "hosted1"])).code).toBe(0);
    expect(await status("hosted1")).toBe("paused (container)");
    expect((await nk.run(["start", "hosted1"])).stderr).toContain(
      "cannot start a container in the paused state",
    );
    expect((await nk.run(["resume", "hosted1"])).code).toBe(0);
    expect(await status("hosted1")).toBe("created (container)");
    expect((await nk.run(["start", "hosted1"])).code).toBe(0);
    expect(await status("hosted1")).toBe("running (container)");
  });

  it("asks with signal 0 whether the process is there", async () => {
    await create("hosted1");
    expect(await nk.run(["kill", "hosted1", "0"])).toMatchObject({ code: 0, stdout: "", stderr: "" });
    await nk.run(["kill", "hosted1", "KILL"]);
    await untilStopped("hosted1");
    expect((await nk.run(["kill", "hosted1", "0"])).stderr).toContain("container not running");
  });

  it("deletes a created container, and by force a running one", async () => {
    await create("hosted1");
    expect((await nk.run(["delete", "hosted1"])).code).toBe(0);
    await create("hosted2");
    await nk.run(["start", "hosted2"]);
    expect(await nk.run(["delete", "--force", "hosted2"])).toMatchObject({ code: 0, stderr: "" });
    expect(await nk.run(["delete", "--force", "hosted2"])).toMatchObject({ code: 0, stderr: "" });
    expect(await nk.run(["delete", "hosted2"])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("container does not exist") as string,
    });
  });

  it("gives an id once", async () => {
    await create("hosted1");
    const { code, stderr } = await nk.run(["create", "-b", await script("true"), "hosted1"]);
    expect(code).toBe(1);
    expect(stderr).toContain("container with given ID already exists");
    expect(await status("hosted1")).toBe("created (container)");
  });
});

describe("list", () => {
  it("shows containers as table, JSON and ids", async () => {
    expect((await nk.run(["list", "-f", "json"])).stdout).toBe("[]\n");
    await create("b");
    await create("a");
    expect((await nk.run(["list", "-q"])).stdout).toBe("a\nb\n");
    expect((await nk.run(["list"])).stdout).toMatch(
      /^ID +PID +STATUS +BUNDLE +CREATED +OWNER +MODE\na +\d+ +created/,
    );
    const states = JSON.parse((await nk.run(["list", "--format", "json"])).stdout) as { id: string }[];
    expect(states.map(({ id }) => id)).toEqual(["a", "b"]);
  });
});
