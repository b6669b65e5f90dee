import { NkError } from "../base/errors.ts";

/** Reads a stream of bytes in pieces of known sizes. Nothing is held but one chunk of the source and what is asked for. */
export class ByteReader {
  private readonly source: AsyncIterator<Buffer>;
  private chunk: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.source = source[Symbol.asyncIterator]();
  }

  /** The next bytes, `max` at most; empty at the end. */
  async some(max: number): Promise<Buffer> {
    while (this.chunk.length === 0) {
      const next = await this.source.next();
      if (next.done === true) return this.chunk;
      this.chunk = next.value;
    }
    const taken = this.chunk.subarray(0, max);
    this.chunk = this.chunk.subarray(taken.length);
    return taken;
  }

  /** Exactly that many bytes, or undefined at the end. @throws BAD_CONFIG when it ends in the middle */
  async exactly(bytes: number): Promise<Buffer | undefined> {
    const parts: Buffer[] = [];
    for await (const part of this.stream(bytes, true)) parts.push(part);
    return parts.length === 0 && bytes > 0 ? undefined : Buffer.concat(parts);
  }

  /** That many bytes as they come. @throws BAD_CONFIG when it ends before */
  async *stream(bytes: number, mayBeMissing = false): AsyncGenerator<Buffer, void, void> {
    let left = bytes;
    while (left > 0) {
      const part = await this.some(left);
      if (part.length === 0) {
        if (mayBeMissing && left === bytes) return;
        throw new NkError("BAD_CONFIG", `the archive is cut off: ${left} more bytes were expected`);
      }
      left -= part.length;
      yield part;
    }
  }

  async skip(bytes: number): Promise<void> {
    for await (const _ of this.stream(bytes));
  }
}
