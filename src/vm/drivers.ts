import type { VmDriver, VmmName } from "./virtual-machine.ts";

/** The driver of a VMM, loaded when it is used: a monitor needs one of them. */
export async function loadDriver(vmm: VmmName): Promise<VmDriver> {
  if (vmm === "firecracker") return (await import("./firecracker/driver.ts")).firecrackerDriver;
  return (await import("./qemu/driver.ts")).qemuDriver;
}
