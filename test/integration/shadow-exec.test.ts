import { createServer, type IncomingMessage, type Server } from "node:http";
import { readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import type { Socket } from "node:net";
import { once } from "node:events";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { FrameType } from "../../src/agent/frame-codec.ts";
import { foreignDeath, processStartTime } from "../../src/host/process-info.ts";
import type { ExecShadowPlan } from "../../src/host/shadow-plan.ts";
import { buildNative, FakeMonitor, Rig, soon, textOf } from "./shadow-rig.ts";

let rig: Rig;
let control: Server;
let container: FakeMonitor;
let pid: number;

beforeAll(buildNative);
beforeEach(async () => {
  rig = new Rig();
  control = createServer((_, response) => {
    response.writeHead(409, { "content-length": 9 }).end("is paused");
  });
  await once(control.listen(controlPath()), "listening");
  pid = await rig.create().pid();
  container = await rig.monitor();
});
afterEach(() => {
  container.exit(0);
  control.close();
  rig.close();
});

function controlPath(): string {
  return join(rig.dir, "control.sock");
}

function plan(changes: Partial<ExecShadowPlan> = {}): ExecShadowPlan {
  // Longer than the 107 bytes that connect(2) takes.
  const longPath = `${rig.dir}${"/.".repeat(60)}/control.sock`;
  const request = JSON.stringify({ process: { args: ["true"] } });
  return {
    join: pid,
    control: longPath,
    endpoint: "/containers/c1/exec",
    request,
    cgroups: [],
    stateDir: rig.dir,
    terminal: "none",
    wait: true,
    ...changes,
  };
}

/** The session's connection at the monitor, after the upgrade. */
async function session(): Promise<FakeMonitor> {
  const [request, socket, head] = (await soon(once(control, "upgrade"), "the upgrade")) as [
    IncomingMessage,
    Socket,
    Buffer,
  ];
  expect([request.method, request.url, request.headers.upgrade]).toEqual([
    "POST",
    "/containers/c1/exec",
    "nk-stream",
  ]);
  socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: nk-stream\r\n\r\n");
  return new FakeMonitor(socket, head);
}

test("a session: the request, its start, its output, its status", async () => {
  const launched = rig.exec(plan());
  const monitor = await session();
  const request = await monitor.next();
  expect(request.type).toBe(FrameType.control);
  expect(JSON.parse(request.payload.toString())).toEqual({ process: { args: ["true"] } });
  // All at once: what follows STARTED is the shadow's to read.
  monitor.send(FrameType.started, 0);
  monitor.send(FrameType.data, 2, "output\n");
  monitor.exit(5 << 8);
  expect(await launched.line()).toMatch(/^shadow \d+$/);
  const said = textOf(launched.stdout);
  expect(await launched.exit()).toBe(5);
  // Of children that the process has left behind.
  monitor.send(FrameType.data, 2, "late\n");
  monitor.send(FrameType.eof, 2);
  monitor.send(FrameType.eof, 3);
  expect(await said).toBe("output\nlate\n");
});

test("its shadow stands in the container's namespaces", async () => {
  const launched = rig.exec(plan());
  const monitor = await session();
  monitor.send(FrameType.started, 0);
  const execPid = await launched.pid();
  for (const kind of ["mnt", "pid", "ipc", "uts", "net"]) {
    expect(readlinkSync(`/proc/${execPid}/ns/${kind}`)).toBe(readlinkSync(`/proc/${pid}/ns/${kind}`));
  }
  expect(readFileSync(`/proc/${execPid}/status`, "utf8")).toMatch(/^NSpid:\t\d+\t\d+$/m);
  process.kill(execPid, "SIGTERM");
  expect((await monitor.nextOf(FrameType.signal)).payload.readUInt32LE()).toBe(15);
  monitor.exit(15);
  expect(await launched.exit()).toBe(143);
});

test("detached: the launcher goes once the process runs, its shadow stays until the end", async () => {
  const launched = rig.exec(plan({ wait: false }));
  const monitor = await session();
  monitor.send(FrameType.started, 0);
  const execPid = await launched.pid();
  const startTime = processStartTime(execPid) ?? 0;
  expect(await launched.exit()).toBe(0);
  expect(await foreignDeath(execPid, startTime, 50)).toBe(false);
  monitor.exit(0);
  expect(await foreignDeath(execPid, startTime, 5000)).toBe(true);
});

test("a process that cannot be started is 255, with the monitor's words", async () => {
  const launched = rig.exec(plan());
  (await session()).send(FrameType.failed, 0, 'exec: "x": executable file not found in $PATH');
  expect(await launched.line()).toBe('error exec: "x": executable file not found in $PATH');
  expect(await launched.exit()).toBe(255);
});

test("a monitor that refuses is 255 too", async () => {
  control.removeAllListeners("upgrade");
  const launched = rig.exec(plan());
  expect(await launched.line()).toBe("error the monitor refused: HTTP/1.1 409 Conflict is paused");
  expect(await launched.exit()).toBe(255);
});

test.each([
  ["no such shadow", { join: 999_999_999 }, "cannot find the container's shadow 999999999"],
  [
    "no monitor",
    { control: "/no/such/control.sock" },
    "cannot connect to the monitor at /no/such/control.sock",
  ],
])("%s is an error that says so", async (_, changes, text) => {
  const launched = rig.exec(plan(changes));
  expect(await launched.line()).toContain(text);
  expect(await launched.exit()).toBe(255);
});

test("a container that has just ended is an error that says so", async () => {
  const late = plan();
  container.exit(0);
  await soon(once(container.socket, "close"), "the end of the container");
  const launched = rig.exec(late);
  expect(await launched.line()).toMatch(/^error (cannot find|cannot join|cannot start a process)/);
  expect(await launched.exit()).toBe(255);
});
