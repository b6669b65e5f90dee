import { Socket } from "node:net";
import { beforeEach, expect, it } from "vitest";
import type { AgentConnection } from "../../agent/connection.ts";
import { FrameType, type Frame } from "../../agent/frame-codec.ts";
import type { ShadowLink } from "./shadow-link.ts";
import { StreamRouter, type StreamSet } from "./stream-router.ts";

const { data, credit, eof, close } = FrameType;
const START = 262_144;
/** What the agent is not given of an output's credit. */
const KEPT = 512;

type Sent = [type: number, stream: number, payload: string];

let toGuest: Sent[];
let toShadow: Sent[];
let losses: string[];
let router: StreamRouter;
let set: StreamSet;

function recorder(sent: Sent[]): (type: number, stream: number, payload: Buffer) => void {
  return (type, stream, payload) =>
    sent.push([type, stream, type === credit ? String(payload.readUInt32LE(0)) : payload.toString()]);
}

beforeEach(() => {
  toGuest = [];
  toShadow = [];
  losses = [];
  router = new StreamRouter();
  router.use({ send: recorder(toGuest), socket: new Socket() } as unknown as AgentConnection);
  const link = { send: recorder(toShadow), socket: new Socket(), isProcess: true } as unknown as ShadowLink;
  set = router.open(link, false, (what) => losses.push(what));
});

function frame(type: number, streamId: number, payload: string | number = ""): Frame {
  const bytes = Buffer.alloc(4);
  if (typeof payload === "number") bytes.writeUInt32LE(payload);
  return { type, streamId, payload: typeof payload === "number" ? bytes : Buffer.from(payload) };
}

/** What is sent in the gap and behind it, when the agent's rows are these. */
function rejoin(theirs: unknown[]): void {
  router.rows();
  toGuest.length = toShadow.length = 0;
  router.rejoin(theirs);
}

const intact = (id: number, bytes: number): unknown[] => [id, bytes, id === 1 ? START - bytes : 0, false];

it("goes on where nothing was lost, with what has waited", () => {
  set.fromShadow(frame(data, 1, "in"));
  router.frame(frame(data, 2, "out"));
  router.hold();
  set.fromShadow(frame(data, 1, "put"));
  set.fromShadow(frame(credit, 2, 3));
  set.fromShadow(frame(eof, 1));
  expect(router.rows()).toEqual([
    [1, 2, 0],
    [2, 3, START - KEPT],
    [3, 0, START - KEPT],
  ]);
  rejoin([intact(1, 2), intact(2, 3), intact(3, 0)]);
  expect(toGuest).toEqual([
    [data, 1, "put"],
    [eof, 1, ""],
    [credit, 2, String(KEPT)],
    [credit, 3, String(KEPT)],
  ]);
  expect([toShadow, losses]).toEqual([[], []]);
});

it("gives a shadow the credit that was lost, and takes no frame of the guest before", () => {
  set.fromShadow(frame(data, 1, "input"));
  router.hold();
  router.frame(frame(credit, 1, 5));
  router.frame(frame(data, 2, "early"));
  expect(toShadow).toEqual([]);
  rejoin([[1, 5, START, false], intact(2, 0), intact(3, 0)]);
  expect(toShadow).toEqual([[credit, 1, "5"]]);
  expect(() => router.frame(frame(credit, 1, 1))).toThrow("too much credit");
});

it("tells each side of an end that was lost", () => {
  set.fromShadow(frame(close, 3));
  router.hold();
  rejoin([[1, 0, START, true], [2, 0, 0, true], intact(3, 0)]);
  expect(toShadow).toEqual([
    [close, 1, ""],
    [eof, 2, ""],
  ]);
  expect(toGuest).toEqual([[close, 3, ""]]);
  expect(losses).toEqual([]);
});

it("ends a stream that has lost bytes, and says how many", () => {
  router.frame(frame(data, 2, "out"));
  router.hold();
  rejoin([intact(1, 0), [2, 10, 0, false], intact(3, 0)]);
  const what = "the connection to the VM broke: 7 bytes of standard output were lost, and the stream ends";
  expect(losses).toEqual([what]);
  expect(toShadow).toEqual([
    [data, 3, `nk-runtime: ${what}\n`],
    [eof, 2, ""],
  ]);
  router.frame(frame(data, 2, "late"));
  expect(toShadow).toHaveLength(2);
  // What was said is on the account of the guest's credit.
  expect(toGuest.at(-1)).toEqual([credit, 3, String(KEPT - `nk-runtime: ${what}\n`.length)]);
});

it("ends input that has lost bytes, and output that the agent does not know", () => {
  set.fromShadow(frame(data, 1, "input"));
  router.hold();
  set.fromShadow(frame(data, 1, "more"));
  rejoin([intact(1, 3), intact(3, 0)]);
  expect(losses).toEqual([
    expect.stringContaining("2 bytes of standard input"),
    expect.stringContaining("an unknown number of bytes, of standard output"),
  ]);
  expect(toShadow.slice(-2)).toEqual([
    [close, 1, ""],
    [eof, 2, ""],
  ]);
  expect(toGuest).toEqual([[credit, 3, expect.any(String)]]);
});

it("closes what nobody reads any more since the agent was told of it", () => {
  router.hold();
  router.rows();
  set.abandon();
  expect(toGuest).toEqual([]);
  router.rejoin([intact(1, 0), intact(2, 0), [3, 0, 0, true]]);
  expect(toGuest).toEqual([[close, 2, ""]]);
});

it.each([
  ["more input than was sent", [1, 3, START, false], "3 bytes on stream 1"],
  ["less output than has come", [2, 2, 0, false], "2 bytes on stream 2"],
  ["less credit than it had given", [1, 2, START - 3, false], "credit"],
  ["more credit than there is", [1, 2, START + 1, false], "credit"],
  ["no row", "x", "expected [id, bytes, credit, ended]"],
  ["bytes that are no number", [1, "2", 3, false], "expected [id, bytes, credit, ended]"],
])("ends a guest that has %s", (_name, row, words) => {
  set.fromShadow(frame(data, 1, "in"));
  router.frame(frame(data, 2, "out"));
  router.hold();
  const others = [intact(1, 2), intact(2, 3), intact(3, 0)].filter(([id]) => id !== row[0]);
  expect(() => rejoin([row, ...others])).toThrow(words);
});
