import { checkSocketPath } from "../../base/socket-path.ts";
import type { KernelImage } from "../../image/kernel.ts";
import { decideAccel, type Accel } from "../accel.ts";
import { checkSpec } from "../check-spec.ts";
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

/** QEMU's microvm machine: hardware virtualisation where it works, software emulation everywhere. */
export const qemuDriver: VmDriver = {
  name: "qemu",
  capabilities: CAPABILITIES,
  create: async (spec: VmSpec): Promise<VirtualMachine> => {
    checkSpec(spec, CAPABILITIES);
    checkSocketPath(agentSocketPath(spec.stateDir));
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
  return decideAccel({
    want,
    vmmName: "qemu",
    vmmIdentity: qemu.identity,
    cacheDir,
    tryKvm: () => tryKvm(qemu.path, kernel),
  });
}
