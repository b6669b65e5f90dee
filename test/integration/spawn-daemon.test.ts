import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { BoundedLog } from "../../src/host/bounded-log.ts";
import { startDaemon, type Daemon } from "../../src/host/daemon.ts";
import { foreignDeath, processStartTime } from "../../src/host/process-info.ts";
import { buildNative, helper, soon } from "./shadow-rig.ts";

let dir: string;
beforeAll(buildNative);
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "nk-daemon-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function start(...argv: [string, ...string[]]): { daemon: Daemon; log: BoundedLog } {
  const log = new BoundedLog(join(dir, "log"));
  return { daemon: startDaemon({ name: argv[0], argv, log, channels: 1 }), log };
}

test("a daemon has its log, the channels it is given and nothing else, in a session of its own", async () => {
  const script = "cat <&3; echo; ls /proc/$$/fd | tr '\\n' ' '; cut -d' ' -f1,6 /proc/$$/stat >&2; exit 3";
  const { daemon, log } = start("/bin/sh", "-c", script);
  daemon.channel(3).end("given text");
  expect(await soon(daemon.exited, "its end")).toEqual({ code: 3, signal: null });
  expect(daemon.running).toBe(false);
  expect(log.tail()).toContain("given text\n0 1 2 3 ");
  expect(log.tail()).toContain(`${daemon.pid} ${daemon.pid}`);
});

test("a daemon finds itself connected to a socket, and waits when it reads from it", async () => {
  const path = join(dir, "socket");
  const server = createServer((client) => setImmediate(() => client.end("late text"))).listen(path);
  await once(server, "listening");
  const log = new BoundedLog(join(dir, "log"));
  const argv: [string, ...string[]] = ["/bin/sh", "-c", "cat <&3; echo; ls /proc/$$/fd | tr '\\n' ' '"];
  const daemon = startDaemon({ name: "sh", argv, log, connect: path });
  expect(await soon(daemon.exited, "its end")).toEqual({ code: 0, signal: null });
  expect(log.tail()).toContain("late text\n0 1 2 3");
  await new Promise((resolve) => server.close(resolve));
  const lonely = startDaemon({ name: "sh", argv, log, connect: path });
  expect(await soon(lonely.exited, "its end")).toEqual({ code: 125, signal: null });
  expect(log.tail()).toContain(`cannot connect to ${path}: No such file or directory`);
});

test("it gets signals, and SIGKILL ends one that does not listen", async () => {
  const polite = start("/bin/sleep", "60").daemon;
  polite.kill("SIGTERM");
  expect(await soon(polite.exited, "its end")).toEqual({ code: null, signal: "SIGTERM" });
  const { daemon: stubborn, log } = start(
    "/bin/sh",
    "-c",
    'trap "" TERM; echo deaf; while :; do read -r line </dev/zero; done',
  );
  await expect.poll(() => log.tail()).toBe("deaf");
  stubborn.kill("SIGTERM");
  stubborn.kill("SIGKILL");
  expect(await soon(stubborn.exited, "its end")).toEqual({ code: null, signal: "SIGKILL" });
});

test("a program that is not there ends with 127 and says so in the log", async () => {
  const { daemon, log } = start("/no/such/program");
  expect(await soon(daemon.exited, "its end")).toEqual({ code: 127, signal: null });
  expect(log.tail()).toBe("nk-shadow spawn: cannot run /no/such/program: No such file or directory");
});

test("a program that is for another kind of machine is not given to the shell", async () => {
  const program = join(dir, "foreign");
  writeFileSync(program, "\x7fELF", { mode: 0o755 });
  const { daemon, log } = start(program);
  expect(await soon(daemon.exited, "its end")).toEqual({ code: 126, signal: null });
  expect(log.tail()).toBe(`nk-shadow spawn: cannot run ${program}: Exec format error`);
});

test("in a foreign folder it follows no link, opens no device and writes nothing", async () => {
  const foreign = join(dir, "foreign");
  execFileSync("mkdir", ["-p", join(foreign, "folder")]);
  writeFileSync(join(foreign, "folder/file"), "of the folder\n");
  symlinkSync("/etc", join(foreign, "link"));
  execFileSync("mknod", [join(foreign, "null"), "c", "1", "3"]);
  const log = new BoundedLog(join(dir, "log"));
  const script = `cd ${foreign} && cat folder/file && readlink link; cat link/passwd; cat null; touch new ${dir}/made`;
  const daemon = startDaemon({ name: "sh", argv: ["/bin/sh", "-c", script], log, foreignDir: foreign });
  await soon(daemon.exited, "its end");
  const said = log.tail().split("\n");
  expect(said.slice(0, 2)).toEqual(["of the folder", "/etc"]);
  expect(said[2]).toMatch(/link\/passwd.*Too many levels of symbolic links/);
  expect(said[3]).toMatch(/null.*Permission denied/);
  expect(said[4]).toMatch(/new.*Read-only file system/);
  expect(existsSync(join(dir, "made"))).toBe(true);
});

test("it dies with its owner, also when that one is killed", async () => {
  const owner = spawn("sh", ["-c", `"${helper}" spawn -- /bin/sleep 60 & echo $!; wait`], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [chunk] = (await soon(once(owner.stdout, "data"), "the pid")) as [Buffer];
  const pid = Number(chunk.toString());
  const startTime = processStartTime(pid) ?? 0;
  await expect.poll(() => readFileSync(`/proc/${pid}/comm`, "utf8")).toBe("sleep\n");
  owner.kill("SIGKILL");
  expect(await foreignDeath(pid, startTime, 5000)).toBe(true);
});
