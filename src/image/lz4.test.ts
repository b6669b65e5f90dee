import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeLz4Legacy } from "./lz4.ts";

function frame(...blocks: number[][]): Buffer {
  const parts = [Buffer.from([0x02, 0x21, 0x4c, 0x18])];
  for (const block of blocks) {
    const size = Buffer.alloc(4);
    size.writeUInt32LE(block.length);
    parts.push(size, Buffer.from(block));
  }
  return Buffer.concat(parts);
}

const bytes = (text: string) => [...Buffer.from(text)];

describe("decodeLz4Legacy", () => {
  it("copies literals and earlier output, which may overlap itself", () => {
    // "ab", then 9 bytes from 2 back, then the literal "!"
    const packed = frame([0x25, ...bytes("ab"), 2, 0, 0x10, ...bytes("!")]);
    expect(decodeLz4Legacy(packed, 12).toString()).toBe("abababababa!");
  });

  it("reads lengths of more than 15", () => {
    const packed = frame([0xf0, 255, 30, ...bytes("x".repeat(300))]);
    expect(decodeLz4Legacy(packed, 300).toString()).toBe("x".repeat(300));
  });

  it("goes through several blocks", () => {
    expect(decodeLz4Legacy(frame([0x10, 65], [0x20, 66, 67]), 3).toString()).toBe("ABC");
  });

  it.each([
    ["a copy from before the start", frame([0x10, 65, 9, 0]), 5],
    ["more output than promised", frame([0x30, 65, 66, 67]), 2],
    ["less output than promised", frame([0x10, 65]), 2],
    ["literals behind the end", frame([0x50, 65]), 5],
    ["a block behind the end", frame([0x10, 65]).subarray(0, 9), 1],
    ["another format", Buffer.from("PK\x03\x04"), 1],
  ])("refuses %s", (_, packed, outputBytes) => {
    expect(() => decodeLz4Legacy(packed, outputBytes)).toThrow(RangeError);
  });

  it("survives any input", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(500), (block, outputBytes) => {
        try {
          expect(decodeLz4Legacy(frame([...block]), outputBytes)).toHaveLength(outputBytes);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }),
    );
  });
});
