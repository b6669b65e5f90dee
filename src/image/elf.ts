import { fstatSync, readSync } from "node:fs";
import { IKCONFIG_START, MAX_IKCONFIG_BYTES, unpackIkconfig } from "./kernel-config.ts";
import type { KernelConfig } from "./kernel-config.ts";

/** Something to look into: a file that is open, or what was unpacked into memory. */
export interface Bytes {
  size: number;
  /** Less than `length` at the end. */
  read(offset: number, length: number): Buffer;
}

export function fileBytes(fd: number): Bytes {
  const read = (offset: number, length: number): Buffer => {
    const buffer = Buffer.alloc(length);
    return buffer.subarray(0, readSync(fd, buffer, 0, length, offset));
  };
  return { size: fstatSync(fd).size, read };
}

export function bufferBytes(buffer: Buffer): Bytes {
  return { size: buffer.length, read: (offset, length) => buffer.subarray(offset, offset + length) };
}

const PT_LOAD = 1;
const PT_NOTE = 4;
/** Type and owner of the note that carries the PVH entry (kernel: include/xen/interface/elfnote.h). */
const XEN_ELFNOTE_PHYS32_ENTRY = 18;
const MAX_NOTES_BYTES = 1024 * 1024;
const MAX_PROGRAM_HEADERS = 64;

/** A part of a 64-bit ELF file. */
interface Segment {
  type: number;
  offset: number;
  fileBytes: number;
  memoryBytes: number;
}

function segmentsOf(elf: Bytes): Segment[] {
  const head = elf.read(0, 64);
  const tableOffset = Number(head.readBigUInt64LE(32));
  const entrySize = head.readUInt16LE(54);
  const count = Math.min(head.readUInt16LE(56), MAX_PROGRAM_HEADERS);
  if (entrySize < 56) return [];
  const table = elf.read(tableOffset, count * entrySize);
  const segments: Segment[] = [];
  for (let at = 0; at + 56 <= table.length; at += entrySize) {
    segments.push({
      type: table.readUInt32LE(at),
      offset: Number(table.readBigUInt64LE(at + 8)),
      fileBytes: Number(table.readBigUInt64LE(at + 32)),
      memoryBytes: Number(table.readBigUInt64LE(at + 40)),
    });
  }
  return segments;
}

/** Whether a 64-bit ELF kernel names the 32-bit entry that QEMU and Firecracker start it at. */
export function hasPvhEntry(elf: Bytes): boolean {
  return segmentsOf(elf).some(
    (part) =>
      part.type === PT_NOTE &&
      part.fileBytes <= MAX_NOTES_BYTES &&
      notesHavePvh(elf.read(part.offset, part.fileBytes)),
  );
}

/** How much memory a 64-bit ELF kernel takes when it is loaded. */
export function loadedBytes(elf: Bytes): number {
  return segmentsOf(elf)
    .filter(({ type }) => type === PT_LOAD)
    .reduce((sum, { memoryBytes }) => sum + memoryBytes, 0);
}

function notesHavePvh(notes: Buffer): boolean {
  let at = 0;
  while (at + 12 <= notes.length) {
    const nameBytes = notes.readUInt32LE(at);
    const descriptorBytes = notes.readUInt32LE(at + 4);
    const type = notes.readUInt32LE(at + 8);
    if (type === XEN_ELFNOTE_PHYS32_ENTRY && notes.toString("latin1", at + 12, at + 15) === "Xen")
      return true;
    at += 12 + align4(nameBytes) + align4(descriptorBytes);
  }
  return false;
}

const CHUNK_BYTES = 4 * 1024 * 1024;
/** Longer than anything that is searched for. */
const OVERLAP_BYTES = 256;

export interface ElfWords {
  /** The word behind "Linux version ", "" when it is not there. */
  release: string;
  /** Those of the searched names that stand in the file as a whole string, or as the end of one. */
  found: ReadonlySet<string>;
  /** Its configuration, where it was built in (CONFIG_IKCONFIG). */
  config: KernelConfig | undefined;
}

/**
 * Reads a vmlinux through for its release, its configuration and names of built-in drivers. A driver's name is a
 * NUL-terminated string in the kernel; a driver that is a module leaves none.
 */
export function searchElf(elf: Bytes, names: readonly string[]): ElfWords {
  const found = new Set<string>();
  let release = "";
  let config: KernelConfig | undefined;
  for (let offset = 0; offset < elf.size; offset += CHUNK_BYTES - OVERLAP_BYTES) {
    const chunk = elf.read(offset, CHUNK_BYTES);
    if (release === "") release = releaseIn(chunk);
    config ??= configIn(elf, chunk, offset);
    for (const name of names)
      if (!found.has(name) && chunk.includes(`${name}\0`, 0, "latin1")) found.add(name);
  }
  return { release, found, config };
}

function configIn(elf: Bytes, chunk: Buffer, offset: number): KernelConfig | undefined {
  const at = chunk.indexOf(IKCONFIG_START, 0, "latin1");
  if (at === -1) return undefined;
  return unpackIkconfig(elf.read(offset + at + IKCONFIG_START.length, MAX_IKCONFIG_BYTES));
}

/** The format string of the banner has a "%" where the banner has the release. */
function releaseIn(chunk: Buffer): string {
  for (let at = chunk.indexOf("Linux version "); at !== -1; at = chunk.indexOf("Linux version ", at + 1)) {
    const release = /^Linux version (\d[\w.+~-]+) /.exec(
      chunk.toString("latin1", at, at + OVERLAP_BYTES),
    )?.[1];
    if (release) return release;
  }
  return "";
}

function align4(length: number): number {
  return (length + 3) & ~3;
}
