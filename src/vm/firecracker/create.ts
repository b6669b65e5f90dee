import { checkSpec } from "../check-spec.ts";
import type { VirtualMachine, VmSpec } from "../virtual-machine.ts";
import { choosePlace } from "./choose-place.ts";
import { FirecrackerMachine } from "./machine.ts";
import { preflight } from "./preflight.ts";

/** `VmDriver.create` */
export async function create(spec: VmSpec): Promise<VirtualMachine> {
  checkSpec(spec);
  const place = choosePlace(spec.shape, spec);
  await preflight(spec, place);
  return new FirecrackerMachine(spec, place);
}
