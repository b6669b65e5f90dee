import { encodeFrame } from "../../src/agent/frame-codec.ts";

/** A small generator whose sequence a seed decides (mulberry32). */
export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  /** 0 … below - 1 */
  below(limit: number): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }
}

const MAX_BYTES = 256 * 1024;

/** Texts that JSON, JavaScript or a terminal take for something special. */
const WORDS = [
  '"__proto__":',
  '"constructor"',
  "1e999",
  "-0",
  "9007199254740993",
  '"\\ud800"',
  '"\\u001b[2J"',
  '"\\u202e"',
  "null",
  "[]",
  "{}",
  '"seq":1',
  '"seq":',
  '"status":"success"',
  '"status":"error"',
  '"event":"exit"',
  '"event":"hello"',
  '"code":',
  '"stats":',
  '"processes":',
  '"lines":',
  '"error":',
  '"log":',
  "[".repeat(1000),
  "Kernel panic",
  "[    0.123456] Linux version",
  '"id":"c1"',
  '"session":""',
  '"signal":9',
];

/** A new input made of old ones: bytes changed, frames put in, left out, cut and mixed. */
export function mutate(inputs: readonly Buffer[], random: Random): Buffer {
  let bytes: Buffer = Buffer.from(random.pick(inputs));
  for (let times = 1 + random.below(4); times > 0; times -= 1)
    bytes = random.pick(MUTATIONS)(bytes, random, inputs);
  return bytes.subarray(0, MAX_BYTES);
}

type Mutation = (bytes: Buffer, random: Random, inputs: readonly Buffer[]) => Buffer;

const MUTATIONS: Mutation[] = [
  (bytes, random) => {
    if (bytes.length > 0)
      bytes[random.below(bytes.length)] = random.pick([0, 1, 0x7f, 0x80, 0xff, random.below(256)]);
    return bytes;
  },
  (bytes, random) => {
    const at = random.below(bytes.length + 1);
    return splice(bytes, at, random.below(64), Buffer.alloc(0));
  },
  (bytes, random) => splice(bytes, random.below(bytes.length + 1), 0, Buffer.from(random.pick(WORDS))),
  (bytes, random, inputs) => {
    const other = random.pick(inputs);
    const from = random.below(other.length + 1);
    return splice(bytes, random.below(bytes.length + 1), 0, other.subarray(from, from + random.below(4096)));
  },
  (bytes, random) => withFrame(bytes, random, (text) => putIn(text, random)),
  (bytes, random) =>
    withFrame(bytes, random, (text) =>
      text.replace(/\d+/, String(random.pick([0, -1, 1e99, 2 ** 53, 256, 65_536]))),
    ),
  (bytes, random) => {
    const type = 1 + random.below(5);
    return Buffer.concat([
      bytes,
      encodeFrame(type, random.below(8), Buffer.alloc(random.pick([0, 1, 4, 1000]), random.below(256))),
    ]);
  },
];

function splice(bytes: Buffer, at: number, count: number, middle: Buffer): Buffer {
  return Buffer.concat([bytes.subarray(0, at), middle, bytes.subarray(at + count)]);
}

function putIn(text: string, random: Random): string {
  const at = random.below(text.length + 1);
  return text.slice(0, at) + random.pick(WORDS) + text.slice(at + random.below(16));
}

/** Changes the text of one control frame and mends the length in its header. */
function withFrame(bytes: Buffer, random: Random, change: (text: string) => string): Buffer {
  const starts: number[] = [];
  for (let at = 0; at + 12 <= bytes.length; at += 12 + bytes.readUInt32LE(at)) {
    if (bytes[at + 4] === 1) starts.push(at);
  }
  if (starts.length === 0) return bytes;
  const start = random.pick(starts);
  const end = Math.min(bytes.length, start + 12 + bytes.readUInt32LE(start));
  const text = change(bytes.toString("utf8", start + 12, end));
  return Buffer.concat([bytes.subarray(0, start), encodeFrame(1, 0, Buffer.from(text)), bytes.subarray(end)]);
}
