import { expect, it } from "vitest";
import { encodeFrame, FrameDecoder, FrameType, fromGuest } from "./frame-codec.ts";
import { HelloSearch, hostMark } from "./marks.ts";

const MARKS = { host: "h".repeat(32), agent: "a".repeat(32) };

function helloOf(mark: string | undefined, connection: number): Buffer {
  const hello = { event: "hello", ...(mark !== undefined && { mark }), connection, protocol: 1 };
  return encodeFrame(FrameType.control, 0, Buffer.from(JSON.stringify(hello)));
}

/** Where the search leads to, whatever the pieces. */
function found(bytes: Buffer, pieceBytes: number): string | undefined {
  const search = new HelloSearch(MARKS, 3);
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    const rest = search.push(bytes.subarray(at, at + pieceBytes));
    if (rest)
      return new FrameDecoder(fromGuest)
        .push(Buffer.concat([rest, bytes.subarray(at + pieceBytes)]))
        .next()
        .value?.payload.toString();
  }
  return undefined;
}

it("a host's mark is 40 bytes: the mark and the connection's number", () => {
  expect(hostMark(MARKS, 26).toString()).toBe(`${"h".repeat(32)}0000001a`);
});

it("finds the hello behind what is left of the connection before, in pieces of any size", () => {
  const ours = helloOf(MARKS.agent, 3);
  const old = encodeFrame(FrameType.data, 2, Buffer.alloc(1000, "x")).subarray(77);
  for (const before of [
    Buffer.alloc(0),
    old,
    helloOf(MARKS.agent, 2),
    Buffer.concat([old, helloOf(MARKS.agent, 33)]),
  ])
    for (const pieceBytes of [1, 13, 100, 100_000])
      expect(found(Buffer.concat([before, ours]), pieceBytes)).toContain('"connection":3,');
});

it.each([undefined, "b".repeat(32)])("takes a hello with the mark %s for another guest's", (mark) => {
  expect(() => new HelloSearch(MARKS, 3).push(helloOf(mark, 3))).toThrow("another guest said hello");
});

it("looks for it no longer than there can be something before it", () => {
  const search = new HelloSearch(MARKS, 3);
  const chunk = Buffer.alloc(65_536);
  expect(() => {
    for (let count = 0; count < 70; count += 1) search.push(chunk);
  }).toThrow(/expected the agent's hello on its new connection, found \d+ bytes/);
});
