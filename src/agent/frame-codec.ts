import { NkError } from "../base/errors.ts";

/** Frames of protocol/agent-protocol.md: a 12-byte little-endian header and a payload. */
export const HEADER_BYTES = 12;

export const FrameType = {
  control: 1,
  data: 2,
  credit: 3,
  eof: 4,
  close: 5,
  signal: 16,
  resize: 17,
  started: 18,
  exit: 19,
  failed: 20,
} as const;

export interface Frame {
  type: number;
  streamId: number;
  payload: Buffer;
}

/** What a frame type may look like: bounds of its payload and whether it belongs to a stream. */
interface FrameLimit {
  min: number;
  max: number;
  stream: boolean;
}

/** What one direction of one connection may carry; a type without an entry is a protocol error. */
export type FrameLimits = ReadonlyMap<number, FrameLimit>;

const KIB = 1024;
const STREAM_FRAMES: [number, FrameLimit][] = [
  [FrameType.data, { min: 1, max: 64 * KIB, stream: true }],
  [FrameType.credit, { min: 4, max: 4, stream: true }],
  [FrameType.eof, { min: 0, max: 0, stream: true }],
  [FrameType.close, { min: 0, max: 0, stream: true }],
];

function limitsWith(...special: [number, FrameLimit][]): FrameLimits {
  return new Map([...STREAM_FRAMES, ...special]);
}

export const fromGuest = limitsWith([FrameType.control, { min: 1, max: 1024 * KIB, stream: false }]);
export const toGuest = limitsWith([FrameType.control, { min: 1, max: 4096 * KIB, stream: false }]);
export const fromShadow = limitsWith(
  [FrameType.control, { min: 1, max: 4096 * KIB, stream: false }],
  [FrameType.signal, { min: 4, max: 4, stream: false }],
  [FrameType.resize, { min: 4, max: 4, stream: false }],
);

/** A whole frame in one buffer. */
export function encodeFrame(type: number, streamId: number, payload: Uint8Array = EMPTY): Buffer {
  const frame = Buffer.allocUnsafe(HEADER_BYTES + payload.length);
  writeHeader(frame, type, streamId, payload.length);
  frame.set(payload, HEADER_BYTES);
  return frame;
}

/** The header alone, so that a large payload need not be copied. */
export function encodeHeader(type: number, streamId: number, length: number): Buffer {
  const header = Buffer.allocUnsafe(HEADER_BYTES);
  writeHeader(header, type, streamId, length);
  return header;
}

/** The payload of a frame that carries one number. */
export function u32(value: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32LE(value);
  return payload;
}

const EMPTY = Buffer.alloc(0);

function writeHeader(target: Buffer, type: number, streamId: number, length: number): void {
  target.writeUInt32LE(length, 0);
  target.writeUInt8(type, 4);
  target.writeUInt8(0, 5);
  target.writeUInt16LE(0, 6);
  target.writeUInt32LE(streamId, 8);
}

/**
 * Cuts a byte stream into frames. Of a frame that comes in pieces it holds one buffer of that frame's size, however small the pieces are; a header that
 * breaks the limits throws PROTOCOL before any of its payload is stored. After a throw the decoder must not be used again.
 */
export class FrameDecoder {
  private readonly limits: FrameLimits;
  /** The frame that is not complete yet: at first room for its header alone. */
  private partial = Buffer.alloc(HEADER_BYTES);
  private held = 0;

  constructor(limits: FrameLimits) {
    this.limits = limits;
  }

  /** The frames that are complete with this chunk. Payloads may share the chunk's memory. */
  *push(chunk: Buffer): Generator<Frame> {
    let rest = chunk;
    while (rest.length > 0) {
      if (this.held === 0 && rest.length >= HEADER_BYTES) {
        const total = HEADER_BYTES + this.checkHeader(rest);
        if (rest.length >= total) {
          yield toFrame(rest.subarray(0, total));
          rest = rest.subarray(total);
          continue;
        }
      }
      rest = rest.subarray(this.store(rest));
      if (this.held === this.partial.length && this.isWhole()) yield this.take();
    }
  }

  /** Copies what the partial frame still lacks; the count of bytes. */
  private store(bytes: Buffer): number {
    const count = bytes.copy(this.partial, this.held);
    this.held += count;
    return count;
  }

  /** Makes room for the payload when the header is complete; false while the payload is missing. */
  private isWhole(): boolean {
    const total = HEADER_BYTES + this.checkHeader(this.partial);
    if (total === this.partial.length) return true;
    const header = this.partial;
    this.partial = Buffer.allocUnsafeSlow(total);
    header.copy(this.partial);
    return false;
  }

  private take(): Frame {
    const frame = toFrame(this.partial);
    this.partial = Buffer.alloc(HEADER_BYTES);
    this.held = 0;
    return frame;
  }

  private checkHeader(bytes: Buffer): number {
    const length = bytes.readUInt32LE(0);
    const type = bytes.readUInt8(4);
    const streamId = bytes.readUInt32LE(8);
    const limit = this.limits.get(type);
    if (!limit) throw protocolError(`unknown frame type ${type}`);
    if (bytes.readUInt8(5) !== 0) throw protocolError("flags are set");
    if (bytes.readUInt16LE(6) !== 0) throw protocolError("reserved bits are set");
    if (length < limit.min || length > limit.max) {
      throw protocolError(`frame type ${type} with ${length} bytes (allowed: ${limit.min} to ${limit.max})`);
    }
    if (limit.stream === (streamId === 0)) {
      throw protocolError(`frame type ${type} with stream id ${streamId}`);
    }
    return length;
  }
}

function toFrame(bytes: Buffer): Frame {
  return {
    type: bytes.readUInt8(4),
    streamId: bytes.readUInt32LE(8),
    payload: bytes.subarray(HEADER_BYTES),
  };
}

function protocolError(what: string): NkError {
  return new NkError("PROTOCOL", `bad frame: ${what}`);
}
