import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { once } from "node:events";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { UdpRelay } from "./relay-udp.ts";

let target: Socket;
let relay: UdpRelay;
let isListening: boolean;
const sockets: Socket[] = [];

beforeEach(async () => {
  isListening = true;
  target = await bound();
  target.on("message", (datagram, from) =>
    target.send(`${from.port} ${String(datagram)}`, from.port, from.address),
  );
  relay = new UdpRelay(await bound(), target.address().port, () => "127.0.0.1");
});
afterEach(() => {
  vi.useRealTimers();
  relay.close();
  if (isListening) target.close();
  for (const socket of sockets.splice(0)) socket.close();
});

async function bound(): Promise<Socket> {
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  await once(socket, "listening");
  return socket;
}

async function client(): Promise<Socket> {
  const socket = await bound();
  sockets.push(socket);
  return socket;
}

/** The port that the target saw, once it has answered with what was said. */
async function exchange(socket: Socket, text: string): Promise<number> {
  socket.send(text, relay.server.address().port, "127.0.0.1");
  const [answer, from] = (await once(socket, "message")) as [Buffer, RemoteInfo];
  expect(from.port).toBe(relay.server.address().port);
  const [port, said] = String(answer).split(" ");
  expect(said).toBe(text);
  return Number(port);
}

it("brings each peer its own answers, by one socket each", async () => {
  const [a, b] = [await client(), await client()];
  const portOfA = await exchange(a, "a1");
  expect(await exchange(b, "b1")).not.toBe(portOfA);
  expect(await exchange(a, "a2")).toBe(portOfA);
  expect(relay.size).toBe(2);
});

it("passes on all that comes before it is connected", async () => {
  const socket = await client();
  const got: string[] = [];
  socket.on("message", (answer) => got.push(String(answer).split(" ")[1] ?? ""));
  const sent = Array.from({ length: 20 }, (_, index) => String(index));
  for (const text of sent) socket.send(text, relay.server.address().port, "127.0.0.1");
  await expect.poll(() => got.sort((x, y) => Number(x) - Number(y))).toEqual(sent);
});

it("keeps 256 peers, those that were heard of last", async () => {
  const first = await client();
  const port = await exchange(first, "x");
  for (let count = 0; count < 255; count += 1) await exchange(await client(), "x");
  expect(await exchange(first, "y")).toBe(port);
  await exchange(await client(), "x");
  expect(relay.size).toBe(256);
  expect(await exchange(first, "z")).toBe(port);
});

it("forgets a peer that is silent for a minute", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const socket = await client();
  await exchange(socket, "x");
  vi.advanceTimersByTime(59_000);
  await exchange(socket, "y");
  vi.advanceTimersByTime(59_000);
  expect(relay.size).toBe(1);
  vi.advanceTimersByTime(2_000);
  expect(relay.size).toBe(0);
});

it("forgets a peer when nobody listens for it", async () => {
  target.close();
  isListening = false;
  const heard = once(relay.server, "message");
  (await client()).send("x", relay.server.address().port, "127.0.0.1");
  await heard;
  expect(relay.size).toBe(1);
  await expect.poll(() => relay.size).toBe(0);
});
