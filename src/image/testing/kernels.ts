// Kernel files for tests: just the bytes that matter, at the offsets that the formats demand.

/** A 64-bit ELF file with one note segment, one that is loaded, and the given text. */
export function craftElf({ pvh = true, machine = 62, text = "", loadedBytes = 0 } = {}): Buffer {
  const head = Buffer.alloc(64 + 2 * 56);
  head.writeUInt32BE(0x7f454c46, 0);
  head[4] = 2;
  head.writeUInt16LE(machine, 18);
  head.writeBigUInt64LE(64n, 32);
  head.writeUInt16LE(56, 54);
  head.writeUInt16LE(2, 56);
  head.writeUInt32LE(1, 64 + 56);
  head.writeBigUInt64LE(BigInt(loadedBytes), 64 + 56 + 40);
  const notes = Buffer.concat([note("GNU", 3, 20), note("Xen", pvh ? 18 : 6, 8)]);
  head.writeUInt32LE(4, 64);
  head.writeBigUInt64LE(BigInt(head.length), 64 + 8);
  head.writeBigUInt64LE(BigInt(notes.length), 64 + 32);
  return Buffer.concat([head, notes, Buffer.from(text, "latin1")]);
}

function note(name: string, type: number, descriptorBytes: number): Buffer {
  const head = Buffer.alloc(12);
  head.writeUInt32LE(name.length + 1, 0);
  head.writeUInt32LE(descriptorBytes, 4);
  head.writeUInt32LE(type, 8);
  return Buffer.concat([head, Buffer.from(`${name}\0`), Buffer.alloc(descriptorBytes)]);
}

/** A bzImage with 4 setup sectors; the payload starts 512 bytes into the protected-mode part. */
export function craftBzImage(
  options: { release?: string; payload?: Buffer; bits?: 32 | 64; initBytes?: number } = {},
): Buffer {
  const { release = "6.1.0-test", payload = Buffer.alloc(16), bits = 64, initBytes = 0 } = options;
  const setup = Buffer.alloc(5 * 512);
  setup[0x1f1] = 4;
  setup.writeUInt16LE(0xaa55, 0x1fe);
  setup.write("HdrS", 0x202);
  setup.writeUInt16LE(0x020f, 0x206);
  setup.writeUInt16LE(bits === 64 ? 1 : 0, 0x236);
  setup.writeUInt16LE(0x400, 0x20e);
  setup.writeUInt32LE(512, 0x248);
  setup.writeUInt32LE(payload.length, 0x24c);
  setup.writeUInt32LE(initBytes, 0x260);
  setup.write(`${release} (someone@somewhere) #1 SMP\0`, 0x600);
  return Buffer.concat([setup, Buffer.alloc(512), payload]);
}

/** Text that makes `craftElf` look like a kernel with everything built in. */
export const BUILTIN_TEXT = [
  "Linux version %s",
  "Linux version 6.1.9-nk (nano@sandbox) #1",
  "virtio-mmio",
  "virtio_console",
  "virtiofs",
  "9pnet_virtio",
  "",
].join("\0");
