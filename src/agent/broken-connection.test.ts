import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Deadline } from "../base/deadline.ts";
import { NkError } from "../base/errors.ts";
import { Latch } from "../base/latch.ts";
import { AgentConnection } from "./connection.ts";
import { encodeFrame, FrameDecoder, FrameType, toGuest } from "./frame-codec.ts";
import type { AgentEvent } from "./messages.ts";

const MARKS = { host: "h".repeat(32), agent: "a".repeat(32) };
const MARK_BYTES = 40;

interface Request {
  seq: number;
  type: string;
  streams?: unknown;
}

/** A guest's end of one connection: its first 40 bytes are the host's mark, but for the first one. */
class GuestEnd {
  readonly requests: Request[] = [];
  readonly socket: Socket;
  private readonly number: number;
  private waiting: (() => void)[] = [];
  private mark = Buffer.alloc(0);
  private readonly decoder = new FrameDecoder(toGuest);
  private readonly answer: (request: Request, end: GuestEnd) => void;

  constructor(socket: Socket, number: number, answer: (request: Request, end: GuestEnd) => void) {
    this.socket = socket;
    this.number = number;
    this.answer = answer;
    socket.on("data", (chunk: Buffer) => this.receive(chunk));
    socket.on("error", () => {});
  }

  say(message: object): void {
    this.socket.write(encodeFrame(FrameType.control, 0, Buffer.from(JSON.stringify(message))));
  }

  /** Resolves when a request of the type is there. */
  async asked(type: string): Promise<Request> {
    for (;;) {
      const request = this.requests.find((one) => one.type === type);
      if (request) return request;
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
  }

  private receive(chunk: Buffer): void {
    let bytes = chunk;
    if (this.number > 1 && this.mark.length < MARK_BYTES) {
      this.mark = Buffer.concat([this.mark, chunk]);
      if (this.mark.length < MARK_BYTES) return;
      bytes = this.mark.subarray(MARK_BYTES);
      this.answer({ seq: parseInt(this.mark.toString("latin1", 32, 40), 16), type: "mark" }, this);
    }
    for (const { payload } of this.decoder.push(bytes)) {
      const request = JSON.parse(payload.toString()) as Request;
      this.requests.push(request);
      this.answer(request, this);
    }
    for (const resolve of this.waiting.splice(0)) resolve();
  }
}

/** Answers the mark and `reconnect` as a good guest does that has read the requests up to `lastSeq`. */
function goodGuest(lastSeq = 0): (request: Request, end: GuestEnd) => void {
  return ({ seq, type }, end) => {
    if (type === "mark")
      end.say({ event: "hello", mark: MARKS.agent, connection: seq, protocol: 1, lastSeq });
    if (type === "reconnect") end.say({ seq, status: "success", streams: [] });
    if (type === "health") end.say({ seq, status: "success" });
  };
}

let folder: string;
let server: Server;
let guests: GuestEnd[];
let arrived: Latch<GuestEnd>[];
let behave: (request: Request, end: GuestEnd) => void;
let connection: AgentConnection;
let events: AgentEvent[];
let streams: string[];
let exited: Latch;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "nk-"));
  guests = [];
  events = [];
  streams = [];
  exited = new Latch();
  behave = goodGuest();
  arrived = Array.from({ length: 12 }, () => new Latch<GuestEnd>());
  server = createServer((socket) => {
    const guest = new GuestEnd(socket, guests.length + 1, (request, end) => behave(request, end));
    guests.push(guest);
    arrived[guests.length]?.resolve(guest);
  });
  server.listen(path());
  connection = new AgentConnection(connect(path()), { frame() {} }, (event) => events.push(event));
  await arrived[1]?.promise;
  outlive(() => Promise.resolve(connect(path())));
});
afterEach(() => {
  connection.close();
  for (const { socket } of guests) socket.destroy();
  server.close();
  rmSync(folder, { recursive: true });
});

const path = (): string => join(folder, "agent.sock");
const soon = (): Deadline => Deadline.after(5_000);
const guest = (number: number): Promise<GuestEnd> => (arrived[number] as Latch<GuestEnd>).promise;
const health = (): Promise<unknown> => connection.request("health", {}, soon());

function outlive(dial: (deadline: Deadline) => Promise<Socket>): void {
  connection.outlive({
    marks: MARKS,
    dial,
    exited: exited.promise,
    streams: {
      hold: () => streams.push("hold"),
      rows: () => {
        streams.push("rows");
        return [[1, 2, 3]];
      },
      rejoin: () => streams.push("rejoin"),
    },
  });
}

async function breakOff(number: number): Promise<void> {
  (await guest(number)).socket.destroy();
}

describe("a connection that breaks", () => {
  it("goes on over another, with what streams have to say to each other", async () => {
    await breakOff(1);
    const second = await guest(2);
    await health();
    expect(streams).toEqual(["hold", "rows", "rejoin"]);
    expect(second.requests).toMatchObject([{ type: "reconnect", streams: [[1, 2, 3]] }, { type: "health" }]);
    expect(events).toMatchObject([{ event: "hello", connection: 2 }]);
    expect(connection.over).toBe(false);
  });

  it("fails requests without an answer, and says which of them were not done", async () => {
    behave = goodGuest(1);
    const first = connection.request("kill", {}, soon());
    const second = connection.request("start", {}, soon());
    await (await guest(1)).asked("start");
    const outcomes = Promise.allSettled([first, second]);
    await breakOff(1);
    expect(await outcomes).toMatchObject([
      { reason: { code: "AGENT", message: expect.stringMatching(/"kill".*it is not known whether/) } },
      { reason: { code: "AGENT", message: expect.stringMatching(/"start".*it was not done/) } },
    ]);
    await health();
  });

  it("keeps requests that are made meanwhile until there is another", async () => {
    const dialled = new Latch<Socket>();
    outlive(() => dialled.promise);
    await breakOff(1);
    await expect.poll(() => streams).toEqual(["hold"]);
    const asked = health();
    const whole = connection.whole();
    dialled.resolve(connect(path()));
    await Promise.all([asked, whole]);
  });

  it("begins again when the new one breaks too, before its hello or after it", async () => {
    behave = (request, end) => {
      const last = request.type === "mark" ? 2 : 3;
      if (guests.length === last) end.socket.destroy();
      else goodGuest()(request, end);
    };
    await breakOff(1);
    await guest(4);
    await health();
    expect(guests).toHaveLength(4);
    expect(streams.at(-1)).toBe("rejoin");
  });

  it("ends with its first reason when there is nobody to dial", async () => {
    outlive(() => Promise.reject(new NkError("VMM", "refused")));
    const unanswered = connection.request("kill", {}, soon());
    unanswered.catch(() => {});
    await (await guest(1)).asked("kill");
    await breakOff(1);
    expect(await connection.closed).toMatchObject({
      code: "AGENT",
      message: "the agent closed its connection",
    });
    await expect(unanswered).rejects.toMatchObject({ message: "the agent closed its connection" });
    await expect(health()).rejects.toMatchObject({ message: "the agent closed its connection" });
  });

  it("ends with its first reason when the VMM has ended, though somebody takes the connection", async () => {
    behave = () => {};
    await breakOff(1);
    await guest(2);
    exited.resolve();
    expect(await connection.closed).toMatchObject({ message: "the agent closed its connection" });
    await expect.poll(() => connection.socket.destroyed).toBe(true);
  });

  it("ends when it breaks too often", async () => {
    for (let number = 1; number <= 9; number += 1) {
      await breakOff(number);
      if (number === 9) break;
      await guest(number + 1);
      await health();
    }
    expect(await connection.closed).toMatchObject({
      code: "PROTOCOL",
      message: expect.stringContaining("broke 9 times within a minute"),
    });
  });

  it("ends with another guest's hello", async () => {
    behave = (_request, end) =>
      end.say({ event: "hello", mark: MARKS.host, connection: 2, protocol: 1, agent: "x" });
    await breakOff(1);
    expect(await connection.closed).toMatchObject({
      code: "PROTOCOL",
      message: expect.stringMatching(/another guest/),
    });
  });

  it("ends when it is closed meanwhile, and lets go of the connection that comes", async () => {
    const dialled = new Latch<Socket>();
    outlive(() => dialled.promise);
    await breakOff(1);
    await expect.poll(() => streams).toEqual(["hold"]);
    const asked = health();
    connection.close();
    await expect(asked).rejects.toThrow("closed by the monitor");
    const late = connect(path());
    dialled.resolve(late);
    await expect.poll(() => late.destroyed).toBe(true);
  });

  it("ends where its end is to be expected", async () => {
    connection.mayEnd();
    await breakOff(1);
    expect(await connection.closed).toMatchObject({ message: "the agent closed its connection" });
  });
});
