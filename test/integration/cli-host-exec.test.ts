import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { create, dir, nk, useHostMode } from "./host-mode-rig.ts";

useHostMode();

describe("exec", () => {
  beforeEach(async () => {
    await create("hosted1");
    await nk.run(["start", "hosted1"]);
  });

  it("runs a command with streams and exit status", async () => {
    const outcome = await nk.run(["exec", "hosted1", "sh", "-c", "cat; exit 9"], { input: "in" });
    expect(outcome).toEqual({ code: 9, signal: null, stdout: "in", stderr: "" });
  });

  it("takes a command line, variables, folder and user", async () => {
    const words = [
      "exec",
      "-e",
      "A=1",
      "--cwd",
      "/tmp",
      "-u",
      "1000:1000",
      "--exec",
      'echo "$A $PWD $(id -u)"',
      "hosted1",
    ];
    expect((await nk.run(words)).stdout).toBe("1 /tmp 1000\n");
  });

  it("starts a shell when no command is given", async () => {
    expect((await nk.run(["exec", "hosted1"], { input: "echo $0; exit 4\n" })).code).toBe(4);
  });

  it("takes a process file as conmon sends it", async () => {
    const file = join(dir, "process.json");
    writeFileSync(
      file,
      JSON.stringify({
        args: ["sh", "-c", "exit 6"],
        env: ["PATH=/bin"],
        cwd: "/",
        user: { uid: 0, gid: 0 },
      }),
    );
    const pidFile = join(dir, "pid");
    expect((await nk.run(["exec", "--pid-file", pidFile, "--process", file, "hosted1"])).code).toBe(6);
    expect(Number(readFileSync(pidFile, "utf8"))).toBeGreaterThan(1);
  });

  it("passes on what runc warns of: to standard error, or to the log where there is one", async () => {
    const words = ["exec", "--cap", "CAP_NONE", "hosted1", "true"];
    const warning = "runc: ignoring unknown or unavailable capabilities: [CAP_NONE]";
    expect(await nk.run(words)).toMatchObject({ code: 0, stderr: `nk-runtime: warning: ${warning}\n` });
    const log = join(dir, "log.json");
    const logged = await nk.run(["--log", log, "--log-format", "json", ...words]);
    expect(logged).toMatchObject({ code: 0, stdout: "", stderr: "" });
    expect(JSON.parse(readFileSync(log, "utf8"))).toMatchObject({ level: "warning", msg: warning });
  });

  it("takes a cgroup below the container's", async () => {
    expect((await nk.run(["exec", "--cgroup", "/", "hosted1", "true"])).code).toBe(0);
    const { code, stderr } = await nk.run(["exec", "--cgroup=none", "hosted1", "true"]);
    expect(code).toBe(255);
    expect(stderr).toMatch(/cgroup.*hosted1\/none/);
  });

  it("gives 255 when the command cannot be started", async () => {
    const { code, stderr } = await nk.run(["exec", "hosted1", "no-such-command"]);
    expect(code).toBe(255);
    expect(stderr).toMatch(/executable file not found in \$PATH/);
  });

  it("lists the processes", async () => {
    const pids = JSON.parse((await nk.run(["ps", "--format", "json", "hosted1"])).stdout) as number[];
    const state = JSON.parse((await nk.run(["state", "hosted1"])).stdout) as { pid: number };
    expect(pids).toContain(state.pid);
    expect((await nk.run(["ps", "hosted1"])).stdout).toMatch(
      /^UID +PID +PPID .* CMD\nroot +\d+ .* sh -c trap/,
    );
    const { stdout } = await nk.run(["ps", "hosted1", "-o", "pid,comm"]);
    expect(stdout).toMatch(new RegExp(`^ +PID COMMAND\\n *${state.pid} sh\\n`));
    const without = await nk.run(["ps", "hosted1", "-o", "comm"]);
    expect(without).toMatchObject({ code: 1, stdout: "" });
    expect(without.stderr).toContain("couldn't find PID field in ps output");
    expect((await nk.run(["ps", "hosted1", "--no-such"])).stderr).toMatch(
      /^nk-runtime: ps --no-such failed: /,
    );
  });
});
