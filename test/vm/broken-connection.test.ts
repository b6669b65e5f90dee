import { execFile, execFileSync, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, it } from "vitest";
import { staticProgram } from "../fixtures/static-program.ts";
import type { State } from "./guest-ends.ts";
import { buildAgent, guestImage, HELLO, hello, say, step, success, until } from "./hostile-guest.ts";
import { Runtime } from "./runtime.ts";
import { findVictim, processesOf, within } from "./victims.ts";

/** For what ends by a deadline only. */
const IN_A_HURRY = { NK_TIMEOUT_SCALE: "0.2" };
/** What may be on its way on a stream. */
const CREDIT = 262_144;

let runtime: Runtime;

beforeEach(() => {
  runtime = new Runtime();
});
afterEach(async () => {
  expect(await runtime.close()).toEqual([]);
});

/** As the monitor sees it when QEMU loses its end, and what it has not read. @param later not before there is something of that */
async function cut(...later: "later"[]): Promise<void> {
  const qemu = await findVictim(runtime.root, "QEMU");
  await promisify(execFile)(staticProgram("cut-socket"), [String(qemu), "agent.sock", ...later]);
}

/** A file of a bundle's root, which the container makes. */
async function appears(bundle: string, name: string): Promise<void> {
  expect(await within(30_000, () => existsSync(join(bundle, "rootfs", name)) || undefined)).toBe(true);
}

async function isUp(id: string): Promise<void> {
  await expect.poll(() => runtime.call(["exec", id, "true"]).then(({ code }) => code)).toBe(0);
}

/** What is written to one of the standard streams of a command. */
function heard(child: ChildProcess, name: "stdout" | "stderr"): () => string {
  const chunks: Buffer[] = [];
  child[name]?.on("data", (chunk: Buffer) => chunks.push(chunk));
  return () => Buffer.concat(chunks).toString("utf8");
}

const ended = (child: ChildProcess): Promise<number | null> =>
  new Promise((resolve) => {
    child.on("close", resolve);
  });

/** Lets the guest go on alone: cuts the connection, and keeps the monitor from making another one meanwhile. */
async function aloneWhile(work: () => Promise<void> | void): Promise<void> {
  const monitor = await findVictim(runtime.root, "monitor");
  process.kill(monitor, "SIGSTOP");
  await cut();
  await work();
  process.kill(monitor, "SIGCONT");
}

/** What the monitor says meanwhile comes no further than to the connection that breaks. */
async function whileStopped(work: () => void): Promise<void> {
  const qemu = await findVictim(runtime.root, "QEMU");
  process.kill(qemu, "SIGSTOP");
  work();
  await cut("later");
  process.kill(qemu, "SIGCONT");
}

it("a container goes on, with its streams, its execs and its exit status", async () => {
  const { dir } = await runtime.bundle({ args: ["sh", "-c", "cat; echo end >&2; exit 7"] });
  const id = runtime.id();
  const run = runtime.spawn(["run", "--mode=vm", "--bundle", dir, id]);
  const [stdout, stderr] = [heard(run, "stdout"), heard(run, "stderr")];
  const done = ended(run);
  run.stdin?.write("one\n");
  await expect.poll(stdout).toBe("one\n");
  const exec = runtime.spawn(["exec", id, "cat"]);
  const echoed = heard(exec, "stdout");
  const execDone = ended(exec);
  exec.stdin?.write("first\n");
  await expect.poll(echoed).toBe("first\n");
  for (const word of ["two\n", "three\n"]) {
    await cut();
    // What is on its way while the connection breaks is lost.
    expect(await runtime.ok(["exec", id, "echo", "again"])).toBe("again\n");
    run.stdin?.write(word);
    exec.stdin?.write(word);
    await expect.poll(stdout).toContain(word);
    await expect.poll(echoed).toContain(word);
  }
  exec.stdin?.end("last\n");
  expect([await execDone, echoed()]).toEqual([0, "first\ntwo\nthree\nlast\n"]);
  run.stdin?.end();
  expect([await done, stdout(), stderr()]).toEqual([7, "one\ntwo\nthree\n", "end\n"]);
});

it("a connection to a socket of the host goes on, and new ones are taken", async () => {
  const folder = mkdtempSync(join(tmpdir(), "nk-sockets-"));
  const server = createServer({ allowHalfOpen: true }, (socket) => void socket.pipe(socket));
  server.listen(join(folder, "echo.sock"));
  const bind = (destination: string, source: string) => ({
    destination,
    source,
    type: "bind",
    options: ["bind"],
  });
  const mounts = [bind("/run/host", folder), bind("/bin/probe", staticProgram("socket-probe"))];
  const id = await runtime.background({ mounts });
  const asking = runtime.spawn(["exec", id, "probe", "ask", "/run/host/echo.sock"]);
  const [answer, done] = [heard(asking, "stdout"), ended(asking)];
  for (const word of ["one\n", "two\n", "three\n"]) {
    asking.stdin?.write(word);
    await expect.poll(answer).toContain(word);
    await cut();
    const another = ["exec", id, "sh", "-c", "echo new | probe ask /run/host/echo.sock"];
    expect(await runtime.ok(another)).toBe("new\n");
  }
  asking.stdin?.end();
  expect([await done, answer()]).toEqual([0, "one\ntwo\nthree\n"]);
  server.close();
  rmSync(folder, { recursive: true });
});

it("a signal that is sent afterwards arrives", async () => {
  const id = await runtime.background();
  await cut();
  await runtime.ok(["kill", id, "KILL"]);
  await expect.poll(() => runtime.ok(["state", "--short", id])).toBe("stopped (vm)\n");
  expect(JSON.parse(await runtime.ok(["state", id]))).toMatchObject({ exitStatus: 137 });
});

it("a signal that was on its way arrives, to a container and to an exec", async () => {
  const { dir } = await runtime.bundle({
    args: ["sh", "-c", "trap 'exit 9' TERM; while true; do sleep 0.1; done"],
  });
  const id = runtime.id();
  const run = runtime.spawn(["run", "--mode=vm", "--bundle", dir, id]);
  const done = ended(run);
  await isUp(id);
  const exec = runtime.spawn(["exec", id, "sh", "-c", "echo up; exec sleep 777"]);
  const said = heard(exec, "stdout");
  await expect.poll(said).toBe("up\n");
  exec.stdin?.end();
  await whileStopped(() => exec.kill("SIGTERM"));
  await expect.poll(() => runtime.ok(["exec", id, "ps"])).not.toContain("sleep 777");
  await whileStopped(() => run.kill("SIGTERM"));
  expect(await done).toBe(9);
});

it("the ends of processes that nobody could hear of are told later", async () => {
  const { dir } = await runtime.bundle({ args: ["sh", "-c", "read x; echo $x; echo >/over; exit 9"] });
  const id = runtime.id();
  const run = runtime.spawn(["run", "--mode=vm", "--bundle", dir, id]);
  const stdout = heard(run, "stdout");
  const done = ended(run);
  await isUp(id);
  const script = "echo up; while [ ! -e /go ]; do sleep 0.1; done; echo late; echo >/gone; exit 5";
  const exec = runtime.spawn(["exec", id, "sh", "-c", script]);
  const said = heard(exec, "stdout");
  const execDone = ended(exec);
  await expect.poll(said).toBe("up\n");
  await aloneWhile(async () => {
    execFileSync("touch", [join(dir, "rootfs/go")]);
    await appears(dir, "gone");
  });
  expect([await execDone, said()]).toEqual([5, "up\nlate\n"]);
  run.stdin?.end("x\n");
  expect([await done, stdout()]).toEqual([9, "x\n"]);
});

it("a request that was in flight fails, and says that its outcome is not known", async () => {
  const { dir } = await runtime.bundle({
    args: ["sh", "-c", "trap 'echo >/asked' TERM; echo >/ready; while true; do sleep 0.1; done"],
  });
  const id = runtime.id();
  await runtime.detached(["run", "-d", "--mode=vm", "--bundle", dir, id]);
  await appears(dir, "ready");
  const request = `${JSON.stringify({ type: "stop", id, timeoutMs: 3_600_000 })}\n`;
  const asked = runtime.call(["vm-agent", id], { stdin: Buffer.from(request) });
  await appears(dir, "asked");
  await cut();
  const { stdout } = await asked;
  expect(JSON.parse(stdout)).toEqual({
    status: "error",
    code: "AGENT",
    error: expect.stringMatching(/broke before "stop" was answered; it is not known whether it was done/),
  });
  expect(await runtime.ok(["exec", id, "echo", "there"])).toBe("there\n");
});

it("output that was lost ends its stream, aloud, and the container goes on", async () => {
  const script =
    "while [ ! -e /go ]; do sleep 0.1; done; head -c 520000 /dev/zero; echo >/over; read x; exit 3";
  const { dir } = await runtime.bundle({ args: ["sh", "-c", script] });
  const id = runtime.id();
  const run = runtime.spawn(["run", "--mode=vm", "--bundle", dir, id]);
  const [stdout, stderr] = [heard(run, "stdout"), heard(run, "stderr")];
  const done = ended(run);
  await isUp(id);
  const monitor = await findVictim(runtime.root, "monitor");
  process.kill(monitor, "SIGSTOP");
  execFileSync("touch", [join(dir, "rootfs/go")]);
  // By then it is a pipe's worth less that has left the process: more than the monitor's socket holds.
  await appears(dir, "over");
  await cut();
  process.kill(monitor, "SIGCONT");
  await expect.poll(stderr).toMatch(/broke: \d+ bytes of standard output were lost, and the stream ends\n$/);
  expect(await runtime.ok(["exec", id, "echo", "there"])).toBe("there\n");
  run.stdin?.end("\n");
  expect(await done).toBe(3);
  const lost = Number(/broke: (\d+) bytes/.exec(stderr())?.[1]);
  expect(lost).toBeGreaterThan(0);
  const sent = stdout().length + lost;
  expect([sent >= 520_000 - CREDIT, sent <= CREDIT]).toEqual([true, true]);
});

it("an exec that has lost something fails", async () => {
  const id = await runtime.background();
  const exec = runtime.spawn(["exec", id, "sh", "-c", "echo up; exec cat"]);
  const [stdout, stderr] = [heard(exec, "stdout"), heard(exec, "stderr")];
  const done = ended(exec);
  await expect.poll(stdout).toBe("up\n");
  const qemu = await findVictim(runtime.root, "QEMU");
  process.kill(qemu, "SIGSTOP");
  exec.stdin?.write("lost\n");
  await cut("later");
  process.kill(qemu, "SIGCONT");
  expect([await done, stdout(), stderr()]).toEqual([
    255,
    "up\n",
    expect.stringMatching(/5 bytes of standard input/),
  ]);
  expect(await runtime.ok(["exec", id, "echo", "there"])).toBe("there\n");
});

it("nobody who answers is the end of the VM, after a deadline", async () => {
  const { dir } = await runtime.bundle({ args: ["sleep", "1000000"] });
  const id = runtime.id();
  await runtime.detached(["run", "-d", "--mode=vm", "--bundle", dir, id], IN_A_HURRY);
  process.kill(await findVictim(runtime.root, "QEMU"), "SIGSTOP");
  await cut();
  await isLost(id, "AGENT", /found nobody who answers/);
});

it("a connection that breaks over and over is the end of the VM", async () => {
  const id = await runtime.background();
  for (let count = 0; count < 9; count += 1) {
    expect(await runtime.ok(["exec", id, "echo", "there"])).toBe("there\n");
    await cut();
  }
  await isLost(id, "PROTOCOL", /broke 9 times within a minute/);
});

it("another guest's hello is the end of the VM", async () => {
  buildAgent();
  const { dir } = await runtime.bundle({ args: ["true"] });
  const id = runtime.id();
  const again = say({ ...HELLO, connection: 2 });
  const steps = [hello, until("start"), success, step("k"), again, step("n")];
  const flags = [`--vm-rootfs=${guestImage(runtime, steps)}`, "--vm-share=block"];
  await runtime.detached(["run", "-d", "--mode=vm", ...flags, "--bundle", dir, id]);
  await cut();
  await isLost(id, "PROTOCOL", /another guest said hello/);
});

async function isLost(id: string, code: string, message: RegExp): Promise<void> {
  await within(30_000, () => processesOf(runtime.root).length === 0 || undefined);
  const { status, exitStatus, error } = JSON.parse(await runtime.ok(["state", id])) as State;
  expect({ status, exitStatus, code: error?.code }).toEqual({ status: "stopped", exitStatus: 137, code });
  expect(error?.message).toMatch(message);
}
