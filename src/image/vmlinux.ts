import { execFile } from "node:child_process";
import { open } from "node:fs/promises";
import { gunzip } from "node:zlib";
import { promisify } from "node:util";
import type { BzPayload } from "./kernel.ts";
import { decodeLz4Legacy } from "./lz4.ts";

/** Kernels unpack to 30–80 MB; more is refused. */
const MAX_VMLINUX_BYTES = 256 * 1024 * 1024;

/** By the first four bytes of what they unpack. */
const TOOLS: Record<number, [string, ...string[]]> = {
  0xfd377a58: ["xz", "-dc"],
  0x28b52ffd: ["zstd", "-dc"],
  0x5d000080: ["xz", "-dc", "--format=lzma"],
  0x425a6839: ["bzip2", "-dc"],
  0x894c5a4f: ["lzop", "-dc"],
};

/**
 * The vmlinux that a bzImage carries. Throws when the payload is packed in a way that cannot be undone here (a
 * missing tool, an unknown format): the bzImage itself is then the kernel to start.
 */
export async function extractVmlinux(bzImagePath: string, payload: BzPayload): Promise<Buffer> {
  const packed = await readPart(bzImagePath, payload);
  // gzip counts its own size; the others have it behind the data (kernel: arch/x86/boot/compressed/Makefile).
  const outputBytes = Math.min(packed.readUInt32LE(packed.length - 4), MAX_VMLINUX_BYTES);
  const magic = packed.readUInt32BE(0);
  if (magic === 0x02214c18) return decodeLz4Legacy(packed.subarray(0, -4), outputBytes);
  const tool = TOOLS[magic];
  if (tool !== undefined) return await pipeThrough(tool, packed.subarray(0, -4));
  if (magic >>> 16 === 0x1f8b) return await promisify(gunzip)(packed, { maxOutputLength: MAX_VMLINUX_BYTES });
  throw new Error(`unknown compression (starts with ${magic.toString(16).padStart(8, "0")})`);
}

async function readPart(path: string, { offset, length }: BzPayload): Promise<Buffer> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    if (length < 8 || offset + length > size) throw new Error("its header points behind its end");
    const buffer = Buffer.alloc(length);
    const { bytesRead } = await file.read(buffer, 0, length, offset);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

async function pipeThrough([tool, ...args]: [string, ...string[]], packed: Buffer): Promise<Buffer> {
  const running = promisify(execFile)(tool, args, { encoding: "buffer", maxBuffer: MAX_VMLINUX_BYTES });
  running.child.stdin?.on("error", () => {}).end(packed);
  const { stdout } = await running;
  return stdout;
}
