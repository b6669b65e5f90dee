import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { encodeFrame, FrameDecoder, FrameType, fromShadow, type Frame } from "../../src/agent/frame-codec.ts";
import { Deadline } from "../../src/base/deadline.ts";
import { readLines } from "../../src/host/lines.ts";
import {
  encodeCreatePlan,
  encodeExecPlan,
  type ExecShadowPlan,
  type ShadowPlan,
} from "../../src/host/shadow-plan.ts";
import { make } from "../fixtures/make.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const WAIT_MS = 30_000;

export const ptyTool = `${root}build/native-test/pty`;
/** Set NK_SHADOW=build/bin/nk-shadow-asan (make -C native asan) to run all of this under sanitizers. */
export const helper = process.env["NK_SHADOW"] ?? `${root}build/bin/nk-shadow`;

export function buildNative(): void {
  make(`${root}native`, "all", "tools");
  process.env["NK_SHADOW"] = helper;
}

export function soon<T>(promise: Promise<T>, what: string): Promise<T> {
  return Deadline.after(WAIT_MS).race(promise, what);
}

/** A folder with a rootfs, and what is started in it; all gone after close(). */
export class Rig {
  readonly dir = mkdtempSync(join(tmpdir(), "nk-shadow-"));
  readonly rootfs = join(this.dir, "rootfs");
  private readonly server: Server;
  private readonly connections: Promise<Socket>;
  private readonly children: ChildProcess[] = [];

  constructor() {
    mkdirSync(this.rootfs);
    this.server = createServer();
    this.connections = once(this.server, "connection").then(([socket]) => socket as Socket);
    this.server.listen(join(this.dir, "monitor.sock"));
  }

  plan(changes: Partial<ShadowPlan> = {}): ShadowPlan {
    return {
      rootfs: this.rootfs,
      proof: "0f",
      readonly: false,
      mounts: [],
      netns: "host",
      cgroups: [],
      stateDir: this.dir,
      terminal: "none",
      preserveFds: 0,
      wait: true,
      monitor: {
        argv: [process.execPath, `${root}test/fakes/monitor.mjs`, join(this.dir, "monitor.sock")],
        log: join(this.dir, "monitor.log"),
      },
      ...changes,
    };
  }

  start(plan: Buffer, command = [helper, "create"]): Launched {
    const [program = "", ...args] = command;
    const launcher = spawn(program, args, { stdio: ["pipe", "pipe", "pipe", "pipe", "pipe"] });
    this.children.push(launcher);
    return new Launched(launcher, plan);
  }

  create(changes: Partial<ShadowPlan> = {}, command?: string[]): Launched {
    return this.start(encodeCreatePlan(this.plan(changes)), command);
  }

  exec(plan: ExecShadowPlan): Launched {
    return this.start(encodeExecPlan(plan), [helper, "exec"]);
  }

  /** Our end of the shadow's connection, once its monitor is there. */
  async monitor(): Promise<FakeMonitor> {
    return new FakeMonitor(await soon(this.connections, "the fake monitor"));
  }

  close(): void {
    for (const child of this.children) child.kill("SIGKILL");
    this.server.close();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

export class Launched {
  readonly process: ChildProcess;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly status: Promise<number | null>;
  private readonly lines: AsyncGenerator<string, void, void>;

  constructor(launcher: ChildProcess, plan: Buffer) {
    const [stdin, stdout, stderr, planPipe, report] = launcher.stdio;
    this.process = launcher;
    this.stdin = stdin as Writable;
    this.stdout = stdout as Readable;
    this.stderr = stderr as Readable;
    this.status = once(launcher, "exit").then(([code]) => code as number | null);
    this.lines = readLines(report as Readable);
    this.stdin.on("error", () => {});
    (planPipe as Writable).on("error", () => {});
    (planPipe as Writable).end(plan);
  }

  /** The next line of the report, "" at its end. */
  async line(): Promise<string> {
    return (await soon(this.lines.next(), "a report line")).value ?? "";
  }

  async pid(): Promise<number> {
    const line = await this.line();
    const match = /^shadow (\d+)$/.exec(line);
    if (!match) throw new Error(`expected "shadow PID", found "${line}"`);
    return Number(match[1]);
  }

  exit(): Promise<number | null> {
    return soon(this.status, "the exit of the launcher");
  }
}

/** The test as the monitor: frames in and out. */
export class FakeMonitor {
  readonly socket: Socket;
  private readonly decoder = new FrameDecoder(fromShadow);
  private readonly frames: Frame[] = [];
  private wake = (): void => {};

  constructor(socket: Socket, head: Buffer = Buffer.alloc(0)) {
    this.socket = socket;
    const receive = (chunk: Buffer): void => {
      for (const { type, streamId, payload } of this.decoder.push(chunk)) {
        this.frames.push({ type, streamId, payload: Buffer.from(payload) });
      }
      this.wake();
    };
    receive(head);
    socket.on("data", receive);
    socket.on("error", () => {});
  }

  async next(): Promise<Frame> {
    for (;;) {
      const frame = this.frames.shift();
      if (frame) return frame;
      await soon(
        new Promise<void>((resolve) => {
          this.wake = resolve;
        }),
        "a frame",
      );
    }
  }

  /** The next frame that is of this type. */
  async nextOf(type: number): Promise<Frame> {
    for (;;) {
      const frame = await this.next();
      if (frame.type === type) return frame;
    }
  }

  send(type: number, streamId: number, payload: Buffer | string = ""): void {
    this.socket.write(encodeFrame(type, streamId, Buffer.from(payload)));
  }

  exit(waitStatus: number): void {
    const payload = Buffer.alloc(4);
    payload.writeUInt32LE(waitStatus);
    this.send(FrameType.exit, 0, payload);
  }
}

export async function textOf(stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
