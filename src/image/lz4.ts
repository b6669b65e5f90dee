/**
 * Decodes the "legacy" LZ4 frames that kernels are packed in: a magic number, then blocks, each behind its packed size.
 * Own code, because few machines have the lz4 command, and it is short.
 */

const LEGACY_MAGIC = 0x184c2102;

/**
 * @param outputBytes the unpacked size, which a bzImage names behind the data; nothing is written beyond it.
 */
export function decodeLz4Legacy(packed: Buffer, outputBytes: number): Buffer {
  if (packed.readUInt32LE(0) !== LEGACY_MAGIC) throw new RangeError("no legacy LZ4 frame");
  const output = Buffer.alloc(outputBytes);
  let written = 0;
  let at = 4;
  while (at + 4 <= packed.length && written < outputBytes) {
    const blockBytes = packed.readUInt32LE(at);
    at += 4;
    if (blockBytes > packed.length - at) throw new RangeError("an LZ4 block is longer than its file");
    written = decodeBlock(packed.subarray(at, at + blockBytes), output, written);
    at += blockBytes;
  }
  if (written !== outputBytes) throw new RangeError(`LZ4: expected ${outputBytes} bytes, found ${written}`);
  return output;
}

/** One block: sequences of literals and a copy of earlier output. Returns where the output ends. */
function decodeBlock(block: Buffer, output: Buffer, start: number): number {
  let at = 0;
  let end = start;
  const byte = (): number => {
    const value = block[at];
    if (value === undefined) throw new RangeError("an LZ4 block ends within a sequence");
    at += 1;
    return value;
  };
  const lengthOf = (nibble: number): number => {
    let length = nibble;
    if (nibble === 15) {
      let more = 255;
      while (more === 255) length += more = byte();
    }
    return length;
  };
  while (at < block.length) {
    const token = byte();
    const literals = lengthOf(token >> 4);
    if (literals > block.length - at || literals > output.length - end)
      throw new RangeError("LZ4 literals run over");
    block.copy(output, end, at, at + literals);
    at += literals;
    end += literals;
    if (at === block.length) break;
    const distance = byte() | (byte() << 8);
    end = copyBack(output, end, distance, lengthOf(token & 15) + 4);
  }
  return end;
}

/** Copies may overlap themselves: a distance of 1 repeats one byte. */
function copyBack(output: Buffer, end: number, distance: number, length: number): number {
  if (distance === 0 || distance > end || length > output.length - end)
    throw new RangeError("an LZ4 copy runs over");
  if (distance >= length) {
    output.copyWithin(end, end - distance, end - distance + length);
  } else {
    for (let i = 0; i < length; i += 1) output[end + i] = output[end + i - distance] ?? 0;
  }
  return end + length;
}
