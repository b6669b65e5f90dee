import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeFrame, FrameDecoder, FrameType, fromGuest, fromShadow, type Frame } from "./frame-codec.ts";

function decodeAll(chunks: Buffer[]): Frame[] {
  const decoder = new FrameDecoder(fromGuest);
  return chunks.flatMap((chunk) => [...decoder.push(chunk)]);
}

function cut(bytes: Buffer, sizes: number[]): Buffer[] {
  const chunks: Buffer[] = [];
  let at = 0;
  for (const size of sizes) {
    if (at >= bytes.length) break;
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  if (at < bytes.length) chunks.push(bytes.subarray(at));
  return chunks;
}

/** Bytes of the heap, garbage not counted. */
function heapInUse(): number {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  return process.memoryUsage().heapUsed;
}

describe("FrameDecoder", () => {
  it("gives back what was encoded, however the bytes are cut", () => {
    const frame = fc.record({
      streamId: fc.integer({ min: 1, max: 0xffffffff }),
      payload: fc.uint8Array({ minLength: 1, maxLength: 300 }),
    });
    fc.assert(
      fc.property(
        fc.array(frame, { maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 50 })),
        (frames, sizes) => {
          const bytes = Buffer.concat(frames.map((f) => encodeFrame(FrameType.data, f.streamId, f.payload)));
          const decoded = decodeAll(cut(bytes, sizes));
          expect(decoded.map((f) => [f.streamId, [...f.payload]])).toEqual(
            frames.map((f) => [f.streamId, [...f.payload]]),
          );
        },
      ),
    );
  });

  it("never does anything but decode or throw PROTOCOL on rubbish", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          decodeAll([Buffer.from(bytes)]);
        } catch (error) {
          expect(error).toMatchObject({ code: "PROTOCOL" });
        }
      }),
    );
  });

  it("refuses a length over the limit from the header alone", () => {
    const header = encodeFrame(FrameType.data, 1).subarray(0, 12);
    header.writeUInt32LE(65_537, 0);
    expect(() => decodeAll([header])).toThrow("65537 bytes");
  });

  it.each([
    ["an unknown type", encodeFrame(9, 0), "unknown frame type 9"],
    ["data without a stream", encodeFrame(FrameType.data, 0, Buffer.from("x")), "stream id 0"],
    ["control on a stream", encodeFrame(FrameType.control, 4, Buffer.from("{}")), "stream id 4"],
    ["an empty data frame", encodeFrame(FrameType.data, 1), "0 bytes"],
    [
      "a shadow's frame from the guest",
      encodeFrame(FrameType.signal, 0, Buffer.alloc(4)),
      "unknown frame type 16",
    ],
  ])("refuses %s", (_name, bytes, message) => {
    expect(() => decodeAll([bytes])).toThrow(message);
  });

  it("keeps one buffer of a frame that comes byte by byte, not one for each byte", () => {
    const frame = encodeFrame(FrameType.control, 0, Buffer.alloc(128 * 1024, "x"));
    const decoder = new FrameDecoder(fromGuest);
    const before = heapInUse();
    // Each as a read of its own gives it: a buffer with memory of its own.
    for (const byte of frame.subarray(0, -1)) for (const _ of decoder.push(Buffer.alloc(1, byte))) break;
    const after = heapInUse();
    expect([...decoder.push(frame.subarray(-1))].map(({ payload }) => payload.length)).toEqual([128 * 1024]);
    expect(after - before).toBeLessThan(8 * 1024 * 1024);
  });

  it("takes signals from a shadow", () => {
    const [frame] = new FrameDecoder(fromShadow).push(
      encodeFrame(FrameType.signal, 0, Buffer.from([15, 0, 0, 0])),
    );
    expect(frame?.payload.readUInt32LE(0)).toBe(15);
  });
});
