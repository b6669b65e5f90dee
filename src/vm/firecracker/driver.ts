import { checkSpec } from "../check-spec.ts";
import type { VirtualMachine, VmCapabilities, VmDriver, VmSpec } from "../virtual-machine.ts";
import { choosePlace } from "./choose-place.ts";
import { requireFirecracker } from "./detect.ts";
import { FirecrackerMachine } from "./machine.ts";
import { preflight } from "./preflight.ts";

const CAPABILITIES: VmCapabilities = { shares: ["9p-vsock"], accels: ["kvm"], maxVcpus: 32 };

/** Firecracker: small, KVM only, disks and a vsock. docs/firecracker.md */
export const firecrackerDriver: VmDriver = {
  name: "firecracker",
  capabilities: CAPABILITIES,
  create: async (spec: VmSpec): Promise<VirtualMachine> => {
    checkSpec(spec, CAPABILITIES);
    const place = choosePlace(requireFirecracker(), spec);
    await preflight(spec, place);
    return new FirecrackerMachine(spec, place);
  },
};
