import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { AgentConnection } from "./connection.ts";
import { AgentClient, type ProcessStart } from "./agent-client.ts";
import {
  encodeFrame,
  FrameDecoder,
  fromGuest,
  fromShadow,
  toGuest,
  type Frame,
  type FrameLimits,
} from "./frame-codec.ts";
import { Deadline } from "../base/deadline.ts";

/** Bytes as protocol/vectors/README.md writes them: hex strings, and [hex, n] for n times the same. */
type Hex = (string | [hex: string, times: number])[];

interface FrameVector {
  name: string;
  sender: string;
  bytes: Hex;
  frames: { type: number; stream: number; payload: Hex }[];
  error?: string;
}

interface MessageVector {
  name: string;
  request?: Record<string, unknown>;
}

function read<T>(name: string): T[] {
  return JSON.parse(readFileSync(`protocol/vectors/${name}`, "utf8")) as T[];
}

function toBytes(hex: Hex): Buffer {
  const parts = hex.map((part) => (typeof part === "string" ? part : part[0].repeat(part[1])));
  return Buffer.from(parts.join(""), "hex");
}

/** One string: a megabyte of bytes takes seconds to compare one by one. */
function text(bytes: Buffer): string {
  return bytes.toString("latin1");
}

/** What is decoded here; what a monitor sends is decoded in C alone (native/shadow). */
const limitsOf = new Map<string, FrameLimits>([
  ["guest", fromGuest],
  ["host", toGuest],
  ["shadow", fromShadow],
]);

/** The part of our message that tells one fault from another. */
const faultOf = new Map([
  ["type", "unknown frame type"],
  ["flags", "flags are set"],
  ["reserved", "reserved bits are set"],
  ["length", "bytes (allowed"],
  ["stream", "with stream id"],
]);

/** The frames, and the message of the error that ended them. */
function decode(limits: FrameLimits, chunks: Buffer[]): { frames: Frame[]; error: string } {
  const decoder = new FrameDecoder(limits);
  const frames: Frame[] = [];
  try {
    for (const chunk of chunks) for (const frame of decoder.push(chunk)) frames.push(frame);
  } catch (error) {
    expect(error).toMatchObject({ code: "PROTOCOL" });
    return { frames, error: (error as Error).message };
  }
  return { frames, error: "" };
}

function cut(bytes: Buffer, size: number): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
  return chunks;
}

describe("frames.json", () => {
  const vectors = read<FrameVector>("frames.json");

  it.each(vectors.filter(({ sender }) => limitsOf.has(sender)))("$sender: $name", (vector) => {
    const limits = limitsOf.get(vector.sender) ?? new Map();
    const bytes = toBytes(vector.bytes);
    const expected = vector.frames.map(({ type, stream, payload }) => [type, stream, text(toBytes(payload))]);
    for (const size of [Math.ceil(bytes.length / 500), 65_536, bytes.length]) {
      const { frames, error } = decode(limits, cut(bytes, size));
      expect(frames.map(({ type, streamId, payload }) => [type, streamId, text(payload)])).toEqual(expected);
      if (vector.error === undefined) expect(error).toBe("");
      else expect(error).toContain(faultOf.get(vector.error));
    }
  });

  it.each(vectors.filter(({ frames }) => frames.length > 0))("encodes $sender: $name", (vector) => {
    const encoded = vector.frames.map(({ type, stream, payload }) =>
      encodeFrame(type, stream, toBytes(payload)),
    );
    const all = Buffer.concat(encoded);
    expect(toBytes(vector.bytes).subarray(0, all.length).equals(all)).toBe(true);
  });
});

/** Each request the client can make, as it is sent. */
async function requestsOfClient(): Promise<Record<string, unknown>[]> {
  const sent: Record<string, unknown>[] = [];
  const connection: Pick<AgentConnection, "request"> = {
    request(type, members) {
      sent.push({ type, ...members });
      return Promise.resolve({ status: "success" });
    },
  };
  const client = new AgentClient(connection as AgentConnection);
  const start: ProcessStart = { streams: { stdin: 1, stdout: 2 }, terminal: true, rows: 24, cols: 80 };
  await client.configure({ hostname: "h", entropy: "", runtime: "crun", realtimeNs: "1", debug: false });
  await client.mount({ target: "/run/nk/share", fstype: "virtiofs", source: "root", options: "" });
  await client.mount({
    target: "/run/nk/share",
    fstype: "9p",
    source: "none",
    options: "trans=fd",
    vsockPort: 5640,
  });
  await client
    .mountProven(
      { target: "/run/nk/share", fstype: "virtiofs", source: "nkroot", options: "" },
      { path: "/run/nk/share/proof", text: "0f" },
    )
    .catch(() => {}); // the answer has none
  await client.network({ links: [], routes: [], rules: [], neighbours: [], files: { hosts: "" } });
  await client.create("c1", {}, "/run/nk/root", start);
  await client.start("c1");
  await client.exec("c1", "s", {}, start);
  await client.kill("c1", "s", 15);
  await client.resize("c1", "", 24, 80);
  await client.pause("c1");
  await client.resume("c1");
  await client.ps("c1");
  await client.stats("c1");
  await client.kernelLog();
  await client.shutdown("none", Deadline.after(1_000));
  return sent;
}

describe("messages.json", () => {
  const requests = read<MessageVector>("messages.json").flatMap(({ request }) => (request ? [request] : []));

  it("has a request of each type that the client sends, with the members it sends", async () => {
    for (const { type, ...members } of await requestsOfClient()) {
      const known = new Set(requests.filter((request) => request["type"] === type).flatMap(Object.keys));
      expect(known, `the vectors of ${String(type)}`).not.toHaveLength(0);
      expect(Object.keys(members).filter((name) => !known.has(name))).toEqual([]);
    }
  });
});
