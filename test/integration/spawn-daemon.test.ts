import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, openSync, closeSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { Deadline } from "../../src/base/deadline.ts";
import { foreignDeath, processStartTime } from "../../src/host/process-info.ts";
import { spawnDaemon } from "../../src/host/spawn.ts";
import { buildNative, helper, soon } from "./shadow-rig.ts";

let dir: string;
beforeAll(buildNative);
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "nk-daemon-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

test("a daemon has its log, the descriptors it is given and no others, in a session of its own", async () => {
  writeFileSync(join(dir, "given"), "given text");
  const given = openSync(join(dir, "given"), "r");
  const daemon = spawnDaemon({
    command: [
      "sh",
      "-c",
      "cat <&3; echo; ls /proc/$$/fd | tr '\\n' ' '; cut -d' ' -f1,6 /proc/$$/stat >&2; exit 3",
    ],
    logPath: join(dir, "log"),
    passFds: [given],
  });
  closeSync(given);
  expect(await soon(daemon.exited, "its end")).toEqual({ code: 3, signal: null });
  expect(daemon.alive).toBe(false);
  const log = readFileSync(join(dir, "log"), "utf8");
  expect(log).toContain("given text\n0 1 2 3 ");
  expect(log).toContain(`${daemon.pid} ${daemon.pid}\n`);
});

test("SIGTERM first, SIGKILL for one that does not listen", async () => {
  const deadline = Deadline.after(10_000);
  const polite = spawnDaemon({ command: ["sleep", "60"], logPath: join(dir, "log") });
  expect(await polite.terminate(5000, deadline)).toEqual({ code: null, signal: "SIGTERM" });
  const stubborn = spawnDaemon({
    command: ["sh", "-c", 'trap "" TERM; echo deaf; while :; do read -r line </dev/zero; done'],
    logPath: join(dir, "log"),
  });
  await expect.poll(() => stubborn.logTail()).toBe("deaf");
  expect(await stubborn.terminate(50, deadline)).toEqual({ code: null, signal: "SIGKILL" });
  expect(await stubborn.terminate(50, deadline)).toEqual({ code: null, signal: "SIGKILL" });
});

test("a program that is not there ends with 127 and says so in the log", async () => {
  const daemon = spawnDaemon({ command: ["/no/such/program"], logPath: join(dir, "log") });
  expect(await soon(daemon.exited, "its end")).toEqual({ code: 127, signal: null });
  expect(daemon.logTail()).toBe("nk-shadow spawn: cannot run /no/such/program: No such file or directory");
});

test("it dies with its owner, also when that one is killed", async () => {
  const owner = spawn("sh", ["-c", `"${helper}" spawn -- sleep 60 & echo $!; wait`], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [chunk] = (await soon(once(owner.stdout, "data"), "the pid")) as [Buffer];
  const pid = Number(chunk.toString());
  const startTime = processStartTime(pid) ?? 0;
  await expect.poll(() => readFileSync(`/proc/${pid}/comm`, "utf8")).toBe("sleep\n");
  owner.kill("SIGKILL");
  expect(await foreignDeath(pid, startTime, 5000)).toBe(true);
});
