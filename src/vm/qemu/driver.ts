import { volumesNeed, type VmDriver } from "../driver.ts";
import { settle, SHARES } from "./settle.ts";

/** QEMU's microvm machine: hardware virtualisation where it works, software emulation everywhere. */
export const qemuDriver: VmDriver = {
  name: "qemu",
  title: "QEMU",
  shares: SHARES,
  settle,
  hasUserCard: async () => (await import("./user-card.ts")).hasUserCard(),
  kernelNeeds: volumesNeed,
  daemons: async (spec) => (await import("./daemons.ts")).daemons(spec),
  create: async (spec) => (await import("./create.ts")).create(spec),
  doctor: async () => (await import("./doctor.ts")).qemuDoctor,
};
