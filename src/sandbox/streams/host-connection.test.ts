import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { AgentConnection } from "../../agent/connection.ts";
import { FrameType } from "../../agent/frame-codec.ts";
import { HostConnection } from "./host-connection.ts";
import { HostDatagrams } from "./host-datagrams.ts";
import { MAX_CREDIT, ShadowStream } from "./route.ts";
import { StreamRouter } from "./stream-router.ts";

const { data, credit, eof, close } = FrameType;
/** Of the guest's streams: the first that a router gives. */
const [IN, OUT] = [1, 2];

let folder: string;
let server: Server;
let router: StreamRouter;
let ours: Socket;
let hosts: Socket;
let link: HostConnection;
let toGuest: { type: number; id: number; payload: Buffer }[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "nk-host-"));
  server = createServer({ allowHalfOpen: true }).listen(join(folder, "sock"));
  await once(server, "listening");
  const taken = once(server, "connection");
  ours = connect({ path: join(folder, "sock"), allowHalfOpen: true });
  [hosts] = (await taken) as [Socket];
  hosts.on("error", () => {});
  router = new StreamRouter();
  toGuest = [];
  const send = (type: number, id: number, payload: Buffer): void =>
    void toGuest.push({ type, id, payload: Buffer.from(payload) });
  router.use({ send, socket: ours } as unknown as AgentConnection);
  link = new HostConnection(ours, (end, onLoss) => router.openStreams(end, [1, 2], onLoss));
  link.begin();
});
afterEach(async () => {
  link.destroy();
  hosts.destroy();
  await link.closed;
  server.close();
  rmSync(folder, { recursive: true });
});

function fromGuest(type: number, streamId: number, payload: Buffer = Buffer.alloc(0)): void {
  router.frame({ type, streamId, payload });
}

function u32(value: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32LE(value);
  return payload;
}

const frames = (type: number, id: number): Buffer[] =>
  toGuest.filter((frame) => frame.type === type && frame.id === id).map(({ payload }) => payload);
const bytesOf = (id: number): number => Buffer.concat(frames(data, id)).length;
const creditOf = (): number => frames(credit, OUT).reduce((sum, payload) => sum + payload.readUInt32LE(), 0);

it("passes bytes both ways, and each end by itself", async () => {
  expect(link.numbers).toEqual({ stdin: IN, stdout: OUT });
  const asked = once(hosts, "data");
  fromGuest(data, OUT, Buffer.from("question"));
  expect(String((await asked)[0])).toBe("question");
  await expect.poll(creditOf).toBe("question".length);
  const ended = once(hosts, "end");
  fromGuest(eof, OUT);
  await ended;
  hosts.end("answer");
  await expect.poll(() => frames(eof, IN)).toHaveLength(1);
  expect(String(Buffer.concat(frames(data, IN)))).toBe("answer");
  await link.closed;
});

it("sends the guest no more than its credit, and reads no more from the host meanwhile", async () => {
  const much = Buffer.alloc(4 * MAX_CREDIT, "x");
  hosts.write(much);
  await expect.poll(() => bytesOf(IN)).toBe(MAX_CREDIT);
  expect(hosts.writableLength).toBeGreaterThan(0);
  for (let given = 1; given <= 3; given += 1) {
    fromGuest(credit, IN, u32(MAX_CREDIT));
    await expect.poll(() => bytesOf(IN)).toBe((given + 1) * MAX_CREDIT);
  }
});

it("keeps what a host has said that is gone by now, until the guest has read it", async () => {
  const rest = 1000;
  hosts.end(Buffer.alloc(MAX_CREDIT + rest, "x"));
  await expect.poll(() => bytesOf(IN)).toBe(MAX_CREDIT);
  const closed = once(ours, "close");
  fromGuest(eof, OUT);
  await closed;
  expect(frames(eof, IN)).toEqual([]);
  fromGuest(credit, IN, u32(rest));
  expect(bytesOf(IN)).toBe(MAX_CREDIT + rest);
  expect(frames(eof, IN)).toHaveLength(1);
  await link.closed;
});

it("holds little for a host that does not read, however small the pieces", async () => {
  hosts.pause();
  const before = process.memoryUsage();
  for (let sent = 0; sent < MAX_CREDIT; sent += 1) fromGuest(data, OUT, Buffer.from("x"));
  const after = process.memoryUsage();
  expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(4 * MAX_CREDIT);
  expect(() => fromGuest(data, OUT, Buffer.alloc(MAX_CREDIT, "x"))).toThrow("more than its credit");
});

it("of a host that goes the guest reads the end, and then writes to nobody", async () => {
  hosts.destroy();
  await expect.poll(() => frames(eof, IN)).toHaveLength(1);
  fromGuest(data, OUT, Buffer.from("late"));
  await link.closed;
  expect(frames(close, OUT)).toHaveLength(1);
  // In flight.
  fromGuest(data, OUT, Buffer.from("later"));
});

it("says nothing of its own where bytes were lost", async () => {
  const gone = once(hosts.resume(), "end");
  fromGuest(data, OUT, Buffer.from("some"));
  router.hold();
  router.rows();
  toGuest.length = 0;
  router.rejoin([
    [IN, 0, MAX_CREDIT, false],
    [OUT, 7, 0, false],
  ]);
  await link.closed;
  await gone;
  expect(hosts.bytesRead).toBeLessThanOrEqual("some".length);
});

it("a datagram is a message after its length", async () => {
  const messages = new HostDatagrams(ours, (end) => router.openStreams(end, [ShadowStream.stdout]));
  const got: Buffer[] = [];
  hosts.on("data", (bytes: Buffer) => got.push(bytes));
  for (const text of ["READY=1", "x"]) fromGuest(data, messages.number ?? 0, Buffer.from(text));
  await expect.poll(() => Buffer.concat(got).toString("latin1")).toBe("\x07\0\0\0READY=1\x01\0\0\0x");
  messages.close();
});
