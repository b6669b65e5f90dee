import { TAP_NAME } from "../host/confinement.ts";
import type { NetDevice } from "../host/net-device.ts";
import type { SettledShape } from "./shape.ts";

/** Until somebody adopts the VM and tells the guest another. */
export const FIRST_MAC = "02:6e:6b:00:00:01";

/** `VirtualMachine.card` of a VMM that runs in a network namespace of its own. */
export function tapOf({ card }: SettledShape, vmmPid: number | undefined): NetDevice | undefined {
  if (card?.backend !== "tap" || vmmPid === undefined) return undefined;
  return { netns: `/proc/${vmmPid}/ns/net`, name: TAP_NAME };
}
