import { make } from "../fixtures/make.ts";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { encodeFrame, FrameType } from "../../src/agent/frame-codec.ts";
import { cpioArchive } from "../../src/image/cpio.ts";
import { laterProcesses } from "./processes.ts";
import type { Runtime } from "./runtime.ts";

const FOLDER = fileURLToPath(new URL("../hostile-agent", import.meta.url));
const AGENT = fileURLToPath(new URL("../../build/test/hostile-agent", import.meta.url));

/** Steps for test/hostile-agent/agent.c, which explains their letters; they may have to name the container. */
export type Script = (id: string) => Buffer[];

export function step(kind: string, data: string | Buffer = "", times = 1): Buffer {
  const bytes = Buffer.from(data);
  const head = Buffer.alloc(12);
  head.write(kind, "latin1");
  head.writeUInt32LE(times, 4);
  head.writeUInt32LE(bytes.length, 8);
  return Buffer.concat([head, bytes]);
}

export const FOR_EVER = 0;

export function raw(hex: string, times = 1): Buffer {
  return step("w", Buffer.from(hex, "hex"), times);
}

export function frame(type: number, stream: number, payload: string | Buffer = "", times = 1): Buffer {
  return step("w", encodeFrame(type, stream, Buffer.from(payload)), times);
}

/** A control frame of this text, JSON or not. */
export function say(text: string | object, times = 1): Buffer {
  return frame(FrameType.control, 0, typeof text === "string" ? text : JSON.stringify(text), times);
}

export const HELLO = {
  event: "hello",
  protocol: 1,
  agent: "0",
  kernel: "6.1",
  connection: 1,
  uptimeUs: 1,
  helloUs: 2,
  realtimeNs: "1",
  features: ["runtime:crun"],
};

export const hello = say(HELLO);

/** Answers all requests with success until one of this type comes. */
export function until(type: string): Buffer {
  return step("u", type);
}

/** Answers the request that `until` has waited for, whose `{"seq":N,` is put before. */
export function answer(members: string): Buffer {
  return step("a", members);
}

export const success = answer('"status":"success","pid":1}');

export function buildAgent(): void {
  make(FOLDER);
}

/** The end of the container's process, as a good agent says it. */
export function exits(id: string, code: number): Buffer {
  return say({ event: "exit", id, session: "", code, signal: 0, oom: false, timeUs: 3 });
}

let images = 0;

/** A guest that follows the script: the path of its initramfs. */
export function guestImage(runtime: Runtime, steps: Buffer[]): string {
  images += 1;
  const path = join(runtime.root, `.hostile-${images}.cpio`);
  const folders = ["dev", "proc", "sys"].map((name) => ({ type: "dir" as const, name, mode: 0o755 }));
  const console = { type: "nod" as const, name: "dev/console", mode: 0o600, major: 5, minor: 1 };
  const init = { type: "file" as const, name: "init", mode: 0o755, data: readFileSync(AGENT) };
  const script = { type: "file" as const, name: "script", mode: 0o600, data: Buffer.concat(steps) };
  writeFileSync(path, cpioArchive([...folders, console, init, script]));
  return path;
}

/** VmHWM of the monitor of a state folder; 0 when there is none. */
export function peakKib(stateDir: string): number {
  const pid = monitorPid(stateDir);
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    return Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? 0);
  } catch {
    return 0;
  }
}

const known = new Map<string, number>();

function monitorPid(stateDir: string): number {
  const pid = known.get(stateDir) ?? findMonitor(stateDir);
  if (pid > 0) known.set(stateDir, pid);
  return pid;
}

function findMonitor(stateDir: string): number {
  for (const { pid } of laterProcesses()) {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
      if (words[2] === "monitor" && words[3] === stateDir) return pid;
    } catch {
      // It has just ended.
    }
  }
  return 0;
}
