import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { AgentConnection } from "../agent/connection.ts";
import { encodeFrame, FrameType } from "../agent/frame-codec.ts";
import { ShadowLink } from "./shadow-link.ts";
import { StreamRouter, type StreamSet } from "./stream-router.ts";

const MIB = 1024 * 1024;
/** What the kernel keeps for a Unix socket, and one read of node's. */
const IN_THE_KERNEL = MIB;

let folder: string;
let guest: Socket;
let shadow: Socket;
let connection: AgentConnection;
let link: ShadowLink;
let streams: StreamSet;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "nk-"));
  const router = new StreamRouter();
  const [agentEnd, guestEnd] = await socketPair("agent");
  const [linkEnd, shadowEnd] = await socketPair("shadow");
  guest = guestEnd;
  shadow = shadowEnd;
  connection = new AgentConnection(agentEnd, router, () => {});
  link = new ShadowLink(linkEnd);
  router.use(connection);
  streams = router.open(link, false);
  const ignore = (): void => {};
  link.attach({
    stream: (frame) => streams.fromShadow(frame),
    control: ignore,
    signal: ignore,
    resize: ignore,
    gone: ignore,
  });
});

afterEach(() => {
  connection.close();
  link.destroy();
  guest.destroy();
  shadow.destroy();
  rmSync(folder, { recursive: true });
});

async function socketPair(name: string): Promise<[Socket, Socket]> {
  const path = join(folder, name);
  const accepted = new Promise<Socket>((resolve) => {
    const server = createServer((socket) => {
      server.close();
      resolve(socket);
    });
    server.listen(path);
  });
  return [connect(path), await accepted];
}

/** Writes `frame` again and again; resolves with the bytes that were taken when for a while no more are. */
async function flood(socket: Socket, frame: Buffer, maxBytes: number): Promise<number> {
  const block = Buffer.concat(Array.from({ length: Math.ceil(65_536 / frame.length) }, () => frame));
  for (let sent = 0; sent < maxBytes; sent += block.length) {
    const taken = new Promise<boolean>((resolve) => {
      socket.write(block, () => resolve(true));
      setTimeout(() => resolve(false), 300);
    });
    if (!(await taken)) return socket.bytesWritten - socket.writableLength;
  }
  return socket.bytesWritten;
}

it("keeps little of the standard input for a guest that gives credit and reads nothing", async () => {
  guest.pause();
  const credit = Buffer.alloc(4);
  credit.writeUInt32LE(16 * MIB - 262_144);
  guest.write(encodeFrame(FrameType.credit, streams.streams.stdin ?? 0, credit));
  const input = encodeFrame(FrameType.data, 1, Buffer.alloc(4096, "x"));
  expect(await flood(shadow, input, 12 * MIB)).toBeLessThan(2 * MIB + 2 * IN_THE_KERNEL);
});

it("keeps little of what a guest floods a shadow with that is stopped, and passes it on later", async () => {
  shadow.pause();
  const credit = encodeFrame(FrameType.credit, streams.streams.stdin ?? 0, Buffer.alloc(4));
  const taken = await flood(guest, credit, 64 * MIB);
  expect(taken).toBeLessThan(2 * MIB + 2 * IN_THE_KERNEL);
  let received = 0;
  const all = new Promise<void>((resolve) => {
    shadow.on("data", (chunk: Buffer) => {
      received += chunk.length;
      if (received >= taken) resolve();
    });
  });
  shadow.resume();
  await all;
});

it("ends the connection of a guest that floods a process which has not been said to run", async () => {
  const [linkEnd] = await socketPair("waits");
  const waiting = new ShadowLink(linkEnd, true);
  const send = (): void => {
    for (let sent = 0; sent < 16 * MIB; sent += 16) waiting.send(FrameType.credit, 1, Buffer.alloc(4));
  };
  expect(send).toThrow("before its start");
  waiting.destroy();
});
