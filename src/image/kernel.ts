import { closeSync, readSync } from "node:fs";
import { NkError } from "../base/errors.ts";
import { openNamedFile } from "../base/named-file.ts";
import { reasonOf } from "../base/system-error.ts";
import { fileBytes, hasPvhEntry, searchElf } from "./elf.ts";
import type { ElfWords } from "./elf.ts";
import { FEATURE_WORDS } from "./kernel-features.ts";
import type { Lack } from "./kernel-features.ts";

/** A kernel that a VMM can start, and what is known of it. */
export interface KernelImage {
  /** What a VMM starts: the kernel file, or the vmlinux that was unpacked from it. */
  path: string;
  /** The kernel file as people know it. */
  file: string;
  /** `elf`: vmlinux with a PVH entry; `bzImage`: as distributions ship it. */
  format: "elf" | "bzImage";
  /** `uname -r` of it, "" where unknown. */
  release: string;
  /** The kinds of share that it can mount, as far as its modules tell. */
  shares: readonly ("virtiofs" | "9p" | "9p-vsock")[];
  /** What it is known to lack; what cannot be known is not in it. */
  lacks: readonly Lack[];
}

/** Where the compressed vmlinux lies in a bzImage, in bytes of the file. */
export interface BzPayload {
  offset: number;
  length: number;
}

export type KernelFile =
  | ({ format: "elf" } & ElfWords)
  | { format: "bzImage"; release: string; payload: BzPayload | undefined };

/** Enough for the setup header and, in all known kernels, the version string behind it. */
const HEAD_BYTES = 64 * 1024;

/**
 * Says what kind of kernel a file is, by its bytes. Anything that no VMM of ours can start is a BAD_CONFIG error.
 * For a bzImage this costs one small read; an ELF file is searched through for its release and built-in drivers.
 */
export function inspectKernel(path: string): KernelFile {
  const fd = openKernel(path);
  try {
    const head = Buffer.alloc(HEAD_BYTES);
    const size = readSync(fd, head, 0, HEAD_BYTES, 0);
    const bytes = head.subarray(0, size);
    if (size >= 64 && bytes.readUInt32BE(0) === 0x7f454c46) return inspectElf(fd, bytes, path);
    if (
      size >= 0x250 &&
      bytes.readUInt16LE(0x1fe) === 0xaa55 &&
      bytes.toString("latin1", 0x202, 0x206) === "HdrS"
    ) {
      return inspectBzImage(bytes, path);
    }
    throw notAKernel(path, foundIn(bytes));
  } finally {
    closeSync(fd);
  }
}

/** Magic numbers of what is mistaken for a kernel: kernel, Documentation/arm64/booting.rst; packed files. */
function foundIn(head: Buffer): string {
  if (head.length === 0) return "an empty file";
  if (head.toString("latin1", 0x38, 0x3c) === "ARM\x64") return "a kernel for arm64";
  return "other data";
}

function openKernel(path: string): number {
  try {
    return openNamedFile(path);
  } catch (cause) {
    const mend = "correct the path, or make one with scripts/build-kernel.sh --distro";
    throw new NkError("BAD_CONFIG", `cannot read the guest kernel ${path}: ${reasonOf(cause)}: ${mend}`, {
      cause,
    });
  }
}

function notAKernel(path: string, found: string): NkError {
  return new NkError(
    "BAD_CONFIG",
    `${path} is not a kernel: expected an x86-64 bzImage or vmlinux (ELF), found ${found}: name the file vmlinuz… or vmlinux… of a kernel`,
  );
}

function inspectElf(fd: number, head: Buffer, path: string): KernelFile {
  const is64Bit = head[4] === 2;
  const isX86 = head.readUInt16LE(18) === 62;
  if (!is64Bit || !isX86) throw notAKernel(path, "an ELF file for another machine");
  const elf = fileBytes(fd);
  if (!hasPvhEntry(elf)) {
    throw new NkError(
      "BAD_CONFIG",
      `${path} has no PVH entry: build it with CONFIG_PVH=y, or give its bzImage`,
    );
  }
  return { format: "elf", ...searchElf(elf, FEATURE_WORDS) };
}

/** Offsets: kernel, Documentation/x86/boot.rst. */
function inspectBzImage(head: Buffer, path: string): KernelFile {
  const protocol = head.readUInt16LE(0x206);
  // Bit 0 of xloadflags: it has a 64-bit entry.
  if (protocol >= 0x020c && (head.readUInt16LE(0x236) & 1) === 0) throw notAKernel(path, "a 32-bit kernel");
  const setupSectors = head[0x1f1] || 4;
  const payload =
    protocol >= 0x0208
      ? { offset: (setupSectors + 1) * 512 + head.readUInt32LE(0x248), length: head.readUInt32LE(0x24c) }
      : undefined;
  return { format: "bzImage", release: bzImageRelease(head), payload };
}

/** "6.1.0-50-cloud-amd64 (builder@host) #1 SMP …": the first word. */
function bzImageRelease(head: Buffer): string {
  const pointer = head.readUInt16LE(0x20e);
  if (pointer === 0) return "";
  const text = head.toString("latin1", 0x200 + pointer, 0x200 + pointer + 256);
  return /^[\w.+~-]+/.exec(text)?.[0] ?? "";
}
