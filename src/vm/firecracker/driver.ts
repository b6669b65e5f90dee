import { createHash } from "node:crypto";
import { NkError } from "../../base/errors.ts";
import { checkSpec } from "../check-spec.ts";
import type { VirtualMachine, VmCapabilities, VmDriver, VmSpec } from "../virtual-machine.ts";
import { findJailer, requireFirecracker, type FirecrackerBinary } from "./detect.ts";
import { JailPlace } from "./jail.ts";
import { FirecrackerMachine } from "./machine.ts";
import { openPlace, type Place } from "./place.ts";
import { preflight } from "./preflight.ts";
import { fifosIn } from "./process.ts";

const CAPABILITIES: VmCapabilities = { shares: ["9p-vsock"], accels: ["kvm"], maxVcpus: 32 };

/** Firecracker: small, KVM only, disks and a vsock. docs/firecracker.md */
export const firecrackerDriver: VmDriver = {
  name: "firecracker",
  capabilities: CAPABILITIES,
  create: async (spec: VmSpec): Promise<VirtualMachine> => {
    checkSpec(spec, CAPABILITIES);
    const firecracker = requireFirecracker();
    const place = placeFor(spec, firecracker);
    await preflight(spec, place);
    return new FirecrackerMachine(spec, place);
  },
};

/** A jail where we may make one; where it is demanded, or nothing. */
function placeFor(spec: VmSpec, firecracker: FirecrackerBinary): Place {
  const { stateDir, jailer: want, netns } = spec;
  const options = {
    id: instanceId(stateDir),
    stateDir,
    firecracker: firecracker.path,
    logFifo: fifosIn(stateDir).log,
  };
  if (want === "off") return openPlace(options);
  const jailer = findJailer(firecracker);
  const obstacle = jailObstacle(jailer);
  if (jailer !== undefined && obstacle === undefined) return new JailPlace({ ...options, jailer, netns });
  if (want === "auto") return openPlace(options);
  throw new NkError("UNSUPPORTED", `--vm-jailer=on: ${obstacle}: use --vm-jailer=auto or off`, {
    phase: "choose the jail",
  });
}

function jailObstacle(jailer: string | undefined): string | undefined {
  if (process.getuid?.() !== 0) return "Firecracker's jailer needs root";
  if (jailer !== undefined) return undefined;
  return "no jailer was found beside Firecracker or in PATH (it comes in the same archive; NK_JAILER names another)";
}

/** Firecracker takes letters, digits and hyphens, 64 at most; a container's id may have others and be longer. */
function instanceId(stateDir: string): string {
  return `nk-${createHash("sha256").update(stateDir).digest("hex").slice(0, 16)}`;
}
