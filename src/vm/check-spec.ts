import { totalmem } from "node:os";
import { NkError } from "../base/errors.ts";
import { MAX_CMDLINE_BYTES } from "./kernel-cmdline.ts";
import type { VmSpec } from "./virtual-machine.ts";

/** A kernel with its initramfs does not unpack in less. */
const MIN_MEM_MIB = 64;

/** Of our guest kernel (CONFIG_NR_CPUS); the VMMs take more. */
const MAX_VCPUS = 32;

/** What holds for every VMM. @throws BAD_CONFIG */
export function checkSpec({ shape, extraCmdline }: VmSpec): void {
  const { vcpus, memSizeMib } = shape;
  if (!Number.isInteger(vcpus) || vcpus < 1 || vcpus > MAX_VCPUS) {
    throw new NkError(
      "BAD_CONFIG",
      `expected 1 to ${MAX_VCPUS} CPUs for the VM, found ${vcpus}: correct --vm-vcpus`,
    );
  }
  if (!Number.isInteger(memSizeMib) || memSizeMib < MIN_MEM_MIB) {
    throw new NkError(
      "BAD_CONFIG",
      `expected at least ${MIN_MEM_MIB} MiB of memory for the VM, found ${memSizeMib}: correct --vm-memory`,
    );
  }
  checkFitsHost(memSizeMib);
  if (extraCmdline.length > MAX_CMDLINE_BYTES / 2 || /[\0\n]/.test(extraCmdline)) {
    throw new NkError(
      "BAD_CONFIG",
      `the addition to the kernel's command line is longer than ${MAX_CMDLINE_BYTES >> 1} bytes or has line breaks`,
    );
  }
}

/** Its page tables alone would be more than a small host has; the guest would be killed while it boots. */
function checkFitsHost(memSizeMib: number): void {
  const hostMib = Math.floor(totalmem() / (1024 * 1024));
  if (memSizeMib <= hostMib) return;
  throw new NkError(
    "BAD_CONFIG",
    `expected at most ${hostMib} MiB of memory for the VM, all that this host has, found ${memSizeMib}: give less with --vm-memory`,
  );
}
