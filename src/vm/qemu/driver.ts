import { totalmem } from "node:os";
import { NkError } from "../../base/errors.ts";
import { checkSocketPath } from "../../base/socket-path.ts";
import { decideAccel, type Accel } from "../accel.ts";
import { MAX_CMDLINE_BYTES } from "../kernel-cmdline.ts";
import type { KernelImage } from "../../image/kernel.ts";
import type { VirtualMachine, VmCapabilities, VmDriver, VmSpec } from "../virtual-machine.ts";
import { agentSocketPath } from "./argv.ts";
import { findQemu, type QemuBinary } from "./detect.ts";
import { QemuMachine } from "./machine.ts";
import { tryKvm } from "./probe.ts";

/** microvm takes 288 CPUs, our guest kernel this many (CONFIG_NR_CPUS). */
const CAPABILITIES: VmCapabilities = {
  shares: ["virtiofs", "9p", "9p-vsock"],
  accels: ["kvm", "tcg"],
  maxVcpus: 32,
};

/** A kernel with its initramfs does not unpack in less. */
const MIN_MEM_MIB = 64;

/** QEMU's microvm machine: hardware virtualisation where it works, software emulation everywhere. */
export const qemuDriver: VmDriver = {
  name: "qemu",
  capabilities: CAPABILITIES,
  create: async (spec: VmSpec): Promise<VirtualMachine> => {
    checkSpec(spec);
    const qemu = findQemu();
    return new QemuMachine(spec, qemu, await accelFor(qemu, spec.accel, spec.kernel, spec.accelCacheDir));
  },
};

/**
 * How a VM would be run on this host. The first call may run a tiny guest for up to 10 s; later ones read a small file.
 * @throws UNSUPPORTED when there is no QEMU, or KVM is demanded and unusable.
 */
export function resolveAccel(want: VmSpec["accel"], kernel: KernelImage, cacheDir?: string): Promise<Accel> {
  return accelFor(findQemu(), want, kernel, cacheDir);
}

function accelFor(
  qemu: QemuBinary,
  want: VmSpec["accel"],
  kernel: KernelImage,
  cacheDir: string | undefined,
): Promise<Accel> {
  return decideAccel({ want, vmmIdentity: qemu.identity, cacheDir, tryKvm: () => tryKvm(qemu.path, kernel) });
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

function checkSpec({ vcpus, memSizeMib, stateDir, extraCmdline }: VmSpec): void {
  if (!Number.isInteger(vcpus) || vcpus < 1 || vcpus > CAPABILITIES.maxVcpus) {
    throw new NkError(
      "BAD_CONFIG",
      `expected 1 to ${CAPABILITIES.maxVcpus} CPUs for the VM, found ${vcpus}: correct --vm-vcpus`,
    );
  }
  if (!Number.isInteger(memSizeMib) || memSizeMib < MIN_MEM_MIB) {
    throw new NkError(
      "BAD_CONFIG",
      `expected at least ${MIN_MEM_MIB} MiB of memory for the VM, found ${memSizeMib}: correct --vm-memory`,
    );
  }
  checkFitsHost(memSizeMib);
  checkSocketPath(agentSocketPath(stateDir));
  if (extraCmdline.length > MAX_CMDLINE_BYTES / 2 || /[\0\n]/.test(extraCmdline)) {
    throw new NkError(
      "BAD_CONFIG",
      `the addition to the kernel's command line is longer than ${MAX_CMDLINE_BYTES >> 1} bytes or has line breaks`,
    );
  }
}
