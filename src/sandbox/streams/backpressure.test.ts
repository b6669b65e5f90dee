import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { AgentConnection } from "../../agent/connection.ts";
import { encodeFrame, FrameType } from "../../agent/frame-codec.ts";
import { ShadowLink } from "./shadow-link.ts";
import { StreamRouter, type StreamSet } from "./stream-router.ts";

const MIB = 1024 * 1024;

let folder: string;
let guest: Socket;
let shadow: Socket;
let connection: AgentConnection;
let link: ShadowLink;
let streams: StreamSet;
/** The shadow's end has been seen. */
let gone: Promise<void>;

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
  let resolveGone = ignore;
  gone = new Promise((resolve) => (resolveGone = resolve));
  link.attach({
    stream: (frame) => streams.fromShadow(frame),
    control: ignore,
    signal: ignore,
    resize: ignore,
    gone: () => resolveGone(),
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

it("ends the connection of a guest that gives credit for what was never sent", async () => {
  guest.resume();
  const credit = Buffer.alloc(4);
  credit.writeUInt32LE(1);
  guest.write(encodeFrame(FrameType.credit, streams.streams.stdin ?? 0, credit));
  expect((await connection.closed).message).toContain("too much credit on stream 1");
});

it("sees that a shadow is gone while the guest reads nothing", async () => {
  guest.pause();
  const input = encodeFrame(FrameType.data, 1, Buffer.alloc(65_536, "x"));
  for (let sent = 0; sent < 4; sent += 1) shadow.write(input);
  // Another process's input fills what the monitor keeps for the guest.
  for (let sent = 0; sent < 4 * MIB; sent += 65_536) connection.send(FrameType.data, 9, Buffer.alloc(65_536));
  shadow.end();
  await gone;
});

it("cuts off a shadow that sends more than its credit", async () => {
  const input = encodeFrame(FrameType.data, 1, Buffer.alloc(65_536, "x"));
  for (let sent = 0; sent < 5; sent += 1) shadow.write(input);
  await gone;
  expect(connection.over).toBe(false);
});

it("keeps little of what a guest floods a shadow with that is stopped, and passes it on later", async () => {
  shadow.pause();
  const stdout = streams.streams.stdout ?? 0;
  const output = encodeFrame(FrameType.data, stdout, Buffer.alloc(65_536, "x"));
  let received = 0;
  const all = new Promise<void>((resolve) => {
    shadow.on("data", (chunk: Buffer) => {
      received += chunk.length;
      if (received >= 4 * output.length) resolve();
    });
    shadow.pause();
  });
  for (let sent = 0; sent < 4; sent += 1) guest.write(output);
  guest.write(output);
  expect((await connection.closed).message).toContain("more than its credit");
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
