import { Socket } from "node:net";
import { expect, it } from "vitest";
import type { AgentConnection } from "../../agent/connection.ts";
import { FrameType, type Frame } from "../../agent/frame-codec.ts";
import type { ShadowLink } from "./shadow-link.ts";
import { StreamRouter } from "./stream-router.ts";

type Sent = [type: number, stream: number, payload: string];

function recorder(): { sent: Sent[]; send: (type: number, stream: number, payload: Buffer) => void } {
  const sent: Sent[] = [];
  return { sent, send: (type, stream, payload) => sent.push([type, stream, payload.toString("latin1")]) };
}

function setUp(): { router: StreamRouter; agent: Sent[]; link: ShadowLink; shadow: Sent[] } {
  const router = new StreamRouter();
  const agent = recorder();
  const shadow = recorder();
  router.use({ send: agent.send, socket: new Socket() } as unknown as AgentConnection);
  return {
    router,
    agent: agent.sent,
    link: { send: shadow.send, socket: new Socket() } as unknown as ShadowLink,
    shadow: shadow.sent,
  };
}

function data(streamId: number, length: number): Frame {
  return { type: FrameType.data, streamId, payload: Buffer.alloc(length, "x") };
}

function credit(streamId: number, bytes: number): Frame {
  const payload = Buffer.alloc(4);
  payload.writeUInt32LE(bytes);
  return { type: FrameType.credit, streamId, payload };
}

it("translates stream ids both ways and never uses one twice", () => {
  const { router, agent, shadow, link } = setUp();
  const first = router.open(link, false);
  const second = router.open(link, true);
  expect(first.streams).toEqual({ stdin: 1, stdout: 2, stderr: 3 });
  expect(second.streams).toEqual({ stdin: 4, stdout: 5 });
  second.fromShadow(data(1, 1));
  router.frame(data(3, 2));
  expect(agent).toEqual([[FrameType.data, 4, "x"]]);
  expect(shadow).toEqual([[FrameType.data, 3, "xx"]]);
});

it("drops frames of streams that are unknown or released", () => {
  const { router, shadow, link } = setUp();
  const set = router.open(link, false);
  set.release();
  router.frame(data(2, 5));
  router.frame(data(99, 5));
  expect(shadow).toEqual([]);
});

it("holds the guest to its credit", () => {
  const { router, link } = setUp();
  const set = router.open(link, false);
  for (let sent = 0; sent < 4; sent += 1) router.frame(data(2, 65_536));
  expect(() => router.frame(data(2, 1))).toThrow("more than its credit");
  const other = router.open(link, false);
  const stdout = other.streams.stdout ?? 0;
  for (let sent = 0; sent < 4; sent += 1) router.frame(data(stdout, 65_536));
  other.fromShadow(credit(2, 10));
  router.frame(data(stdout, 10));
  expect(() => router.frame(data(stdout, 1))).toThrow("more than its credit");
  set.release();
});

it("holds the guest to a stream's direction and end", () => {
  const { router, link } = setUp();
  router.open(link, false);
  const eof: Frame = { type: FrameType.eof, streamId: 2, payload: Buffer.alloc(0) };
  router.frame(eof);
  expect(() => router.frame(data(1, 1))).toThrow("against the direction of stream 1");
  expect(() => router.frame(credit(3, 1))).toThrow("against the direction of stream 3");
  expect(() => router.frame(data(2, 1))).toThrow("after EOF on stream 2");
});

it("holds a shadow to the rules, for which the guest would end the connection", () => {
  const end = (type: number, streamId: number): Frame => ({ type, streamId, payload: Buffer.alloc(0) });
  const broken: [what: string, frames: Frame[]][] = [
    ["more than its credit on stream 1", [...Array.from({ length: 4 }, () => data(1, 65_536)), data(1, 1)]],
    ["more after its end on stream 1", [end(FrameType.eof, 1), data(1, 1)]],
    ["more after its end on stream 2", [end(FrameType.close, 2), end(FrameType.close, 2)]],
    ["frame type 2 against the direction of stream 2", [data(2, 1)]],
    ["frame type 3 against the direction of stream 1", [credit(1, 1)]],
    ["too much credit on stream 3", [credit(3, 1)]],
    ["no credit on stream 2", [credit(2, 0)]],
  ];
  for (const [what, frames] of broken) {
    const { router, agent, link } = setUp();
    const set = router.open(link, false);
    const last = frames.pop();
    for (const frame of frames) set.fromShadow(frame);
    const passed = agent.length;
    expect(() => set.fromShadow(last as Frame)).toThrow(`the shadow sent ${what}`);
    expect(agent).toHaveLength(passed);
  }
});

it("takes no more credit from the guest than the protocol knows, and none after its CLOSE", () => {
  const { router, link, shadow } = setUp();
  const set = router.open(link, false);
  set.fromShadow(data(1, 10));
  expect(() => router.frame(credit(1, 0))).toThrow("no credit on stream 1");
  router.frame(credit(1, 10));
  expect(() => router.frame(credit(1, 1))).toThrow("too much credit on stream 1");
  const other = router.open(link, false).streams.stdin ?? 0;
  shadow.length = 0;
  router.frame({ type: FrameType.close, streamId: other, payload: Buffer.alloc(0) });
  router.frame(credit(other, 0xffff_ffff));
  router.frame({ type: FrameType.close, streamId: other, payload: Buffer.alloc(0) });
  expect(shadow).toEqual([[FrameType.close, 1, ""]]);
});
