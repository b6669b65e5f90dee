import { closeSync, openSync, statSync } from "node:fs";
import { NkError } from "../base/errors.ts";
import { fileBytes, loadedBytes, type Bytes } from "./elf.ts";
import type { GuestImage } from "./guest-image.ts";
import type { KernelImage } from "./kernel.ts";

const MIB = 1024 * 1024;

/**
 * What a guest takes beside its kernel and initramfs until a small container runs: tables of the kernel, agent, runtime, share. Measured with two
 * kernels (16 and 44 MiB loaded) and initramfs of 2.5 to 17 MiB, of which the least that ran was always 24 to 27 MiB more than those.
 */
const GUEST_MIB = 32;

/** `init_size` of the setup header: what a bzImage takes while it unpacks itself (kernel: Documentation/x86/boot.rst). */
const INIT_SIZE_OFFSET = 0x260;

/** @throws BAD_CONFIG, before anything is started, for a VM in which its guest would panic */
export function checkMemory(image: GuestImage, memSizeMib: number): void {
  const kernelMib = toMib(kernelBytes(image.kernel));
  const initrdMib = toMib(statSync(image.initrd).size);
  // Packed and unpacked: it is freed when all of it is unpacked.
  const needMib = kernelMib + 2 * initrdMib + GUEST_MIB;
  if (memSizeMib >= needMib) return;
  const why = `kernel ${kernelMib} MiB, initramfs twice ${initrdMib} MiB, the rest of the guest ${GUEST_MIB} MiB`;
  throw new NkError(
    "BAD_CONFIG",
    `expected at least ${needMib} MiB of memory for a VM with the guest kernel ${image.kernel.file} (${why}), found ${memSizeMib}: give it more with --vm-memory, or wherever it is set`,
    { phase: "check the guest's memory" },
  );
}

function toMib(bytes: number): number {
  return Math.ceil(bytes / MIB);
}

function kernelBytes({ path, format }: KernelImage): number {
  const fd = openSync(path, "r");
  try {
    const bytes: Bytes = fileBytes(fd);
    return format === "elf" ? loadedBytes(bytes) : bytes.read(INIT_SIZE_OFFSET, 4).readUInt32LE(0);
  } finally {
    closeSync(fd);
  }
}
