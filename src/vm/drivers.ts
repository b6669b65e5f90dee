import type { VmDriver, VmmName } from "./driver.ts";

/** Each loads what it needs to settle; what runs a VM is loaded by `create`. */
const LOADERS: Record<VmmName, () => Promise<VmDriver>> = {
  firecracker: async () => (await import("./firecracker/driver.ts")).firecrackerDriver,
  qemu: async () => (await import("./qemu/driver.ts")).qemuDriver,
};

/** The VMM that runs on every host. */
export const LAST_RESORT: VmmName = "qemu";

/** All VMMs, in the order in which `auto` asks them: the quickest first. */
export const VMM_NAMES: readonly VmmName[] = ["firecracker", LAST_RESORT];

/** The driver of a VMM, loaded when it is used. */
export function loadDriver(vmm: VmmName): Promise<VmDriver> {
  return LOADERS[vmm]();
}
