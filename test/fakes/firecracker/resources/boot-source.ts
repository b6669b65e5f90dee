import { closeSync, openSync, readSync, fstatSync } from "node:fs";
import { Fault } from "../http/fault.ts";
import { osError, osErrorDebug } from "../os-error.ts";
import { optional, path, required, struct, text } from "../serde/decode.ts";
import type { Traits } from "../version.ts";

/** With the NUL byte. */
const CMDLINE_MAX = 2048;
const DEFAULT_CMDLINE =
  "reboot=k panic=1 nomodule 8250.nr_uarts=0 i8042.noaux i8042.nomux i8042.dumbkbd swiotlb=noforce";
/** Where kernels begin in x86's memory. */
const HIGH_MEMORY_START = 0x10_0000;
const ELF_HEADER_SIZE = 64;
const PROGRAM_HEADER_SIZE = 56;
const PT_LOAD = 1;

export const bootSourceConfig = struct("BootSourceConfig", {
  kernel_image_path: required(path),
  initrd_path: optional(path),
  boot_args: optional(text),
});
export type BootSourceConfig = ReturnType<typeof bootSourceConfig>;

export const NO_BOOT_SOURCE: BootSourceConfig = { kernel_image_path: "", initrd_path: null, boot_args: null };

/** Kernel and initrd, open from the request that named them on. */
export class BootSource {
  readonly config: BootSourceConfig;
  readonly kernelFd: number;
  readonly initrdFd: number | undefined;

  constructor(config: BootSourceConfig) {
    this.config = config;
    this.kernelFd = open(config.kernel_image_path, "The kernel file cannot be opened: ", "InvalidKernelPath");
    const why = "The initrd file cannot be opened due to invalid path or invalid permissions. ";
    this.initrdFd =
      config.initrd_path === null ? undefined : open(config.initrd_path, why, "InvalidInitrdPath");
    if (Buffer.byteLength(this.cmdline) >= CMDLINE_MAX)
      throw new Fault(
        "Boot source error: The kernel command line is invalid: Invalid cmdline capacity provided.",
      );
  }

  get cmdline(): string {
    return this.config.boot_args ?? DEFAULT_CMDLINE;
  }

  /** Checks what the loading of kernel and initrd would stumble over. @throws Fault */
  check(traits: Traits, memoryMib: number): void {
    this.checkKernel(traits, memoryMib);
    if (this.initrdFd !== undefined && fstatSync(this.initrdFd).size > memoryMib * 2 ** 20)
      throw new Fault(
        "Start microvm error: Error with initrd initialization: Failed to compute the initrd address.",
      );
  }

  private checkKernel(traits: Traits, memoryMib: number): void {
    const complaint = elfComplaint(this.kernelFd, memoryMib);
    if (complaint === undefined) return;
    const bzImage = "failed to load bzImage kernel image: Kernel Loader: Invalid bzImage";
    const notElf = complaint === "Invalid Elf magic number" && traits.since117;
    throw new Fault(
      "Start microvm error: System configuration error: Cannot load kernel due to invalid memory configuration or invalid kernel image: " +
        `Kernel Loader: ${notElf ? bzImage : `failed to load ELF kernel image: Kernel Loader: ${complaint}`}`,
    );
  }

  close(): void {
    closeSync(this.kernelFd);
    if (this.initrdFd !== undefined) closeSync(this.initrdFd);
  }
}

function open(file: string, complaint: string, kind: string): number {
  try {
    return openSync(file, "r");
  } catch (error) {
    throw new Fault(
      `Boot source error: ${complaint}${osError(error)}`,
      `BootSource(${kind}(${osErrorDebug(error)}))`,
    );
  }
}

/** rust-vmm's ELF loader: its checks, in its order. */
function elfComplaint(fd: number, memoryMib: number): string | undefined {
  const header = Buffer.alloc(ELF_HEADER_SIZE);
  if (!fstatSync(fd).isFile() || readSync(fd, header, 0, ELF_HEADER_SIZE, 0) < ELF_HEADER_SIZE)
    return "Unable to read elf header";
  if (header.toString("latin1", 0, 4) !== "\x7fELF") return "Invalid Elf magic number";
  if (header[5] !== 1) return "Unable to load big endian binary";
  if (header.readUInt16LE(54) !== PROGRAM_HEADER_SIZE) return "Invalid program header size";
  if (header.readBigUInt64LE(32) < ELF_HEADER_SIZE) return "Invalid program header offset";
  if (header.readBigUInt64LE(24) < HIGH_MEMORY_START) return "Invalid entry address";
  return segmentComplaint(fd, header, BigInt(memoryMib) << 20n);
}

function segmentComplaint(fd: number, header: Buffer, memorySize: bigint): string | undefined {
  const offset = Number(header.readBigUInt64LE(32));
  const segments = Buffer.alloc(PROGRAM_HEADER_SIZE * header.readUInt16LE(56));
  if (readSync(fd, segments, 0, segments.length, offset) < segments.length)
    return "Unable to read program header";
  for (let at = 0; at < segments.length; at += PROGRAM_HEADER_SIZE) {
    if (segments.readUInt32LE(at) !== PT_LOAD) continue;
    const end = segments.readBigUInt64LE(at + 24) + segments.readBigUInt64LE(at + 32);
    const fileEnd = segments.readBigUInt64LE(at + 8) + segments.readBigUInt64LE(at + 32);
    if (end > memorySize || fileEnd > BigInt(fstatSync(fd).size)) return "Unable to read kernel image";
  }
  return undefined;
}
