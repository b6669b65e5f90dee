import { checkSocketPath } from "../../base/socket-path.ts";
import { checkSpec } from "../check-spec.ts";
import type { VirtualMachine, VmSpec } from "../virtual-machine.ts";
import { agentSocketPath } from "./argv.ts";
import { QemuMachine } from "./machine.ts";

/** `VmDriver.create` */
export function create(spec: VmSpec): Promise<VirtualMachine> {
  checkSpec(spec);
  checkSocketPath(agentSocketPath(spec.stateDir));
  return Promise.resolve(new QemuMachine(spec));
}
