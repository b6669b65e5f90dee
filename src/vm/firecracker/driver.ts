import { volumesNeed, type VmDriver } from "../driver.ts";
import { settle, SHARES } from "./settle.ts";

/** Firecracker: small, KVM only, disks and a vsock. docs/firecracker.md */
export const firecrackerDriver: VmDriver = {
  name: "firecracker",
  title: "Firecracker",
  shares: SHARES,
  settle,
  kernelNeeds: (shape) =>
    volumesNeed(shape).set("vsock", "Firecracker to reach the guest (--vm-vmm=qemu does without)"),
  create: async (spec) => (await import("./create.ts")).create(spec),
  doctor: async () => (await import("./doctor.ts")).firecrackerDoctor,
};
