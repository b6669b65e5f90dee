import { NkError } from "../base/errors.ts";

/** POSIX ustar with GNU's long numbers; pax records come from other entries. Names are binary strings (latin1): any byte may be in them. */
export interface TarHeader {
  /** As in the header: "0" file, "1" hard link, "2" symbolic link, "3" "4" devices, "5" folder, "6" fifo, others are extensions. */
  type: string;
  path: string;
  linkPath: string;
  mode: number;
  uid: number;
  gid: number;
  size: number;
  mtimeS: number;
  major: number;
  minor: number;
}

export const BLOCK_BYTES = 512;

const CHECKSUM = { start: 148, end: 156 } as const;

/** @returns undefined for the empty block that ends an archive. @throws BAD_CONFIG for anything that is no header */
export function parseHeader(block: Buffer): TarHeader | undefined {
  if (block.every((byte) => byte === 0)) return undefined;
  if (number(block, CHECKSUM.start, CHECKSUM.end) !== checksum(block)) {
    throw new NkError("BAD_CONFIG", "it is no tar archive, or a damaged one: a header's checksum is wrong");
  }
  const isUstar = block.toString("latin1", 257, 262) === "ustar";
  // GNU's own form has other things in the place of the prefix.
  const isPosix = isUstar && block[262] === 0;
  const prefix = isPosix ? text(block, 345, 500) : "";
  const name = text(block, 0, 100);
  const type = String.fromCharCode(block[156] ?? 0);
  return {
    // "7" is a file that should lie in one piece; NUL is one of the oldest form, whose folders end with a slash.
    type: type === "7" ? "0" : type === "\0" ? (name.endsWith("/") ? "5" : "0") : type,
    path: prefix === "" ? name : `${prefix}/${name}`,
    linkPath: text(block, 157, 257),
    mode: number(block, 100, 108) & 0o7777,
    uid: number(block, 108, 116),
    gid: number(block, 116, 124),
    size: number(block, 124, 136),
    mtimeS: number(block, 136, 148),
    major: isUstar ? number(block, 329, 337) : 0,
    minor: isUstar ? number(block, 337, 345) : 0,
  };
}

function checksum(block: Buffer): number {
  let sum = 0;
  for (const [index, byte] of block.entries())
    sum += index >= CHECKSUM.start && index < CHECKSUM.end ? 0x20 : byte;
  return sum;
}

function text(block: Buffer, start: number, end: number): string {
  const field = block.toString("latin1", start, end);
  const length = field.indexOf("\0");
  return length < 0 ? field : field.slice(0, length);
}

/** Octal digits, or GNU's big-endian number with the first bit set. @throws BAD_CONFIG */
function number(block: Buffer, start: number, end: number): number {
  const first = block[start] ?? 0;
  if (first & 0x80) return bigNumber(block.subarray(start, end));
  const digits = text(block, start, end).trim();
  if (digits === "") return 0;
  if (!/^[0-7]+$/.test(digits))
    throw new NkError("BAD_CONFIG", `it is no tar archive: ${JSON.stringify(digits)} is no number`);
  return Number.parseInt(digits, 8);
}

function bigNumber(field: Buffer): number {
  let value = (field[0] ?? 0) & 0x7f;
  for (const byte of field.subarray(1)) value = value * 256 + byte;
  // Negative ones (a time before 1970) fill the field from above.
  if (((field[0] ?? 0) & 0x40) !== 0) return 0;
  if (!Number.isSafeInteger(value)) throw new NkError("BAD_CONFIG", "a number in the archive is too large");
  return value;
}
