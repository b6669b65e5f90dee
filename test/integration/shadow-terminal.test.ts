import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { FrameType } from "../../src/agent/frame-codec.ts";
import {
  buildNative,
  helper,
  ptyTool,
  Rig,
  soon,
  textOf,
  type FakeMonitor,
  type Launched,
} from "./shadow-rig.ts";

let rig: Rig;
beforeAll(buildNative);
beforeEach(() => {
  rig = new Rig();
});
afterEach(() => rig.close());

/** Reads until the text is there. */
async function until(stream: Readable, text: string): Promise<void> {
  let seen = "";
  const found = new Promise<void>((resolve) => {
    const look = (chunk: Buffer): void => {
      seen += chunk.toString();
      if (!seen.includes(text)) return;
      stream.off("data", look);
      resolve();
    };
    stream.on("data", look);
  });
  await soon(found, `"${text}"`);
}

/** The size that the terminal has, and the one that it gets at SIGUSR1 (native/test/pty.c). */
async function passesSizes(launched: Launched, monitor: FakeMonitor): Promise<void> {
  const next = async (): Promise<number[]> => {
    const { payload } = await monitor.nextOf(FrameType.resize);
    return [payload.readUInt16LE(0), payload.readUInt16LE(2)];
  };
  expect(await next()).toEqual([24, 80]);
  launched.process.kill("SIGUSR1");
  expect(await next()).toEqual([50, 120]);
}

test("inherit: raw while it lasts, its size is passed on, restored afterwards", async () => {
  const launched = rig.create({ terminal: "inherit" }, [ptyTool, "run", helper, "create"]);
  const errors = textOf(launched.stderr);
  await launched.pid();
  const monitor = await rig.monitor();
  await passesSizes(launched, monitor);

  // Ctrl-C is a byte like any other, and line ends stay as they are.
  launched.stdin.write("a\u0003\r");
  let input = "";
  while (input.length < 3) input += (await monitor.nextOf(FrameType.data)).payload.toString();
  expect(input).toBe("a\u0003\r");
  const output = textOf(launched.stdout);
  monitor.send(FrameType.data, 2, "x\ny");
  monitor.exit(4 << 8);
  expect(await launched.exit()).toBe(4);
  expect(await output).toBe("x\ny");
  expect(await errors).toBe("terminal restored\n");
});

test("inherit: of a caller without one among its streams, its controlling terminal", async () => {
  const output = join(rig.dir, "output");
  const script = 'exec "$0" create <"$1" >"$1" 2>&1';
  writeFileSync(output, "");
  const launched = rig.create({ terminal: "inherit" }, [ptyTool, "run", "sh", "-c", script, helper, output]);
  const errors = textOf(launched.stderr);
  await launched.pid();
  const monitor = await rig.monitor();
  await passesSizes(launched, monitor);
  monitor.send(FrameType.data, 2, "x\ny");
  monitor.exit(4 << 8);
  expect(await launched.exit()).toBe(4);
  expect(readFileSync(output, "utf8")).toBe("x\ny");
  expect(await errors).toBe("terminal restored\n");
});

test("inherit: the terminal is restored when the shadow is killed", async () => {
  const launched = rig.create({ terminal: "inherit" }, [ptyTool, "run", helper, "create"]);
  const errors = textOf(launched.stderr);
  const pid = await launched.pid();
  await (await rig.monitor()).nextOf(FrameType.resize);
  process.kill(pid, "SIGKILL");
  expect(await launched.exit()).toBe(137);
  expect(await errors).toBe("terminal restored\n");
});

test("inherit: the terminal is restored, and hung up for the container, when the launcher is killed", async () => {
  const launched = rig.create({ terminal: "inherit" }, [ptyTool, "run", helper, "create"]);
  const errors = textOf(launched.stderr);
  const shadow = await launched.pid();
  const monitor = await rig.monitor();
  await monitor.nextOf(FrameType.resize);
  process.kill(parentOf(shadow), "SIGKILL");
  expect(await launched.exit()).toBe(137);
  expect(await errors).toBe("terminal restored\n");
  expect(await monitor.nextOf(FrameType.signal)).toMatchObject({ payload: Buffer.from([1, 0, 0, 0]) });
  expect(await monitor.next()).toMatchObject({ type: FrameType.eof, streamId: 1 });
  expect(await monitor.next()).toMatchObject({ type: FrameType.close, streamId: 2 });
  monitor.exit(0);
});

function parentOf(pid: number): number {
  return Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
}

test("a console socket gets the terminal, whose slave is the shadow's", async () => {
  const socket = join(rig.dir, "console.sock");
  const console = spawn(ptyTool, ["console", socket], { stdio: ["pipe", "pipe", "pipe"] });
  await until(console.stderr, "listening\n");
  const launched = rig.create({ terminal: { socket }, wait: false });
  const pid = await launched.pid();
  expect(await launched.exit()).toBe(0);
  const monitor = await rig.monitor();

  // Field 7 of /proc/PID/stat: the controlling terminal.
  expect(Number(readFileSync(`/proc/${pid}/stat`, "utf8").split(" ")[6])).toBeGreaterThan(0);
  console.kill("SIGUSR1");
  for (let rows = 0; rows !== 50;) rows = (await monitor.nextOf(FrameType.resize)).payload.readUInt16LE(0);
  console.stdin.write("in\r\u0003");
  let input = "";
  while (input.length < 4) input += (await monitor.nextOf(FrameType.data)).payload.toString();
  expect(input).toBe("in\r\u0003");
  monitor.send(FrameType.data, 2, "out\n");
  await until(console.stdout, "out\n");

  const ended = once(console, "exit");
  monitor.exit(0);
  expect((await soon(ended, "the end of the terminal"))[0]).toBe(0);
});

test("inherit without wait is refused: nobody would restore the terminal", async () => {
  const launched = rig.create({ terminal: "inherit", wait: false });
  expect(await launched.line()).toBe("error terminal inherit needs wait");
  expect(await launched.exit()).toBe(1);
});

test("a console socket that is not there is an error", async () => {
  const launched = rig.create({ terminal: { socket: "/no/such/console.sock" } });
  expect(await launched.line()).toContain("cannot connect to the console socket /no/such/console.sock");
  expect(await launched.exit()).toBe(1);
});

test("in the background a terminal is not read, so that the shell keeps what is typed", async () => {
  const launched = rig.create({ wait: false }, [ptyTool, "run", helper, "create"]);
  launched.stdin.write("for the shell\n");
  await launched.pid();
  const monitor = await rig.monitor();
  expect(await monitor.next()).toEqual({ type: FrameType.eof, streamId: 1, payload: Buffer.alloc(0) });
  monitor.exit(0);
});
