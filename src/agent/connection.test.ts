import { connect, createServer, type Socket } from "node:net";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Deadline } from "../base/deadline.ts";
import { AgentConnection } from "./connection.ts";
import { encodeFrame, FrameDecoder, FrameType, toGuest, type Frame } from "./frame-codec.ts";
import type { AgentEvent } from "./messages.ts";

let folder: string;
let guest: Socket;
let connection: AgentConnection;
let streamed: Frame[];
let events: AgentEvent[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "nk-"));
  const path = join(folder, "agent.sock");
  const accepted = new Promise<Socket>((resolve) => {
    const server = createServer((socket) => {
      server.close();
      resolve(socket);
    });
    server.listen(path);
  });
  const host = connect(path);
  guest = await accepted;
  streamed = [];
  events = [];
  connection = new AgentConnection(host, { frame: (frame) => streamed.push(frame) }, (event) =>
    events.push(event),
  );
});

afterEach(() => {
  connection.close();
  guest.destroy();
  rmSync(folder, { recursive: true });
});

function say(message: unknown): void {
  guest.write(encodeFrame(FrameType.control, 0, Buffer.from(JSON.stringify(message))));
}

/** Answers each request with what `reply` makes of it. */
function serve(reply: (request: { seq: number; type: string }) => unknown): void {
  const decoder = new FrameDecoder(toGuest);
  guest.on("data", (chunk: Buffer) => {
    for (const frame of decoder.push(chunk)) say(reply(JSON.parse(frame.payload.toString())));
  });
}

const soon = (): Deadline => Deadline.after(5_000);

it("matches answers to requests by seq, whatever their order", async () => {
  const held: unknown[] = [];
  serve(({ seq, type }) => {
    held.push({ seq, status: "success", echo: type });
    return held.length === 2 ? held.shift() : { event: "log", level: "info", message: "waiting" };
  });
  const first = connection.request("start", {}, soon());
  const second = connection.request("stop", {}, soon());
  await expect(first).resolves.toMatchObject({ echo: "start" });
  say(held[0]);
  await expect(second).resolves.toMatchObject({ echo: "stop" });
});

it("turns an error answer into an NkError with the runtime's words", async () => {
  serve(({ seq }) => ({
    seq,
    status: "error",
    code: "RUNTIME",
    error: "create failed",
    log: "no such file",
  }));
  await expect(connection.request("create", {}, soon())).rejects.toMatchObject({
    code: "RUNTIME",
    message: "create failed",
    log: "no such file",
    phase: "agent: create",
  });
});

it.each(["constructor", "__proto__", "EVIL", 7, { toString: 1 }, null])(
  "takes the unknown error code %j for AGENT, and its words as harmless text",
  async (code) => {
    serve(({ seq }) => ({ seq, status: "error", code, error: "\u001b[2J", log: "\u0007" }));
    await expect(connection.request("start", {}, soon())).rejects.toMatchObject({
      code: "AGENT",
      message: "\\x1b[2J",
      log: "\\x07",
    });
  },
);

it("refuses requests while a guest that reads nothing has too much waiting", async () => {
  guest.pause();
  const large = { text: "x".repeat(3_900_000) };
  const asked = Array.from({ length: 6 }, () => connection.request("exec", large, Deadline.after(50)));
  const codes = await Promise.all(
    asked.map((answer) => answer.catch((error: { code: string }) => error.code)),
  );
  expect(codes).toEqual(["TIMEOUT", "TIMEOUT", "TIMEOUT", "AGENT", "AGENT", "AGENT"]);
});

it("times out a request that is never answered, and ignores the late answer", async () => {
  await expect(connection.request("start", {}, Deadline.after(30))).rejects.toMatchObject({
    code: "TIMEOUT",
  });
  say({ seq: 1, status: "success" });
  serve(({ seq }) => ({ seq, status: "success" }));
  await expect(connection.request("start", {}, soon())).resolves.toMatchObject({ seq: 2 });
});

it("fails what waits when the agent goes away", async () => {
  const waiting = connection.request("start", {}, soon());
  guest.destroy();
  await expect(waiting).rejects.toMatchObject({ code: "AGENT" });
  await expect(connection.hello).rejects.toMatchObject({ code: "AGENT" });
  await expect(connection.closed).resolves.toMatchObject({ code: "AGENT" });
});

it("ends the connection on a second hello", async () => {
  const hello = {
    event: "hello",
    protocol: 1,
    agent: "1",
    kernel: "6.1",
    connection: 1,
    helloUs: 1,
    uptimeUs: 1,
  };
  say(hello);
  await expect(connection.hello).resolves.toMatchObject({ kernel: "6.1" });
  say(hello);
  await expect(connection.closed).resolves.toMatchObject({ code: "PROTOCOL" });
});

it.each([
  ["no JSON", "rubbish"],
  ["no object", "[1]"],
])("ends the connection on a control frame that is %s", async (_name, text) => {
  guest.write(encodeFrame(FrameType.control, 0, Buffer.from(text)));
  await expect(connection.closed).resolves.toMatchObject({ code: "PROTOCOL" });
});

it("hands stream frames on and bounds what events carry", async () => {
  guest.write(encodeFrame(FrameType.data, 7, Buffer.from("hello")));
  say({ event: "log", level: "info", message: "x".repeat(10_000) });
  serve(({ seq }) => ({ seq, status: "success" }));
  await connection.request("health", {}, soon());
  expect(streamed.map((frame) => [frame.streamId, frame.payload.toString()])).toEqual([[7, "hello"]]);
  expect(events).toMatchObject([{ event: "log", message: "x".repeat(4096) }]);
});
