import { createHash } from "node:crypto";
import type { VmSpec } from "../virtual-machine.ts";
import { wantedJailer, type FirecrackerBinary } from "./detect.ts";
import { JailPlace } from "./jail.ts";
import { openPlace, type Place } from "./place.ts";
import { fifosIn } from "./process.ts";

export type PlaceWish = Pick<VmSpec, "stateDir" | "jailer" | "netns">;

/**
 * A jail where we may make one; where it is demanded, or nothing.
 * @throws UNSUPPORTED when a jail is demanded and cannot be had
 */
export function choosePlace(firecracker: FirecrackerBinary, wish: PlaceWish): Place {
  const { stateDir, jailer: want, netns } = wish;
  const options = {
    id: instanceId(stateDir),
    stateDir,
    firecracker: firecracker.path,
    logFifo: fifosIn(stateDir).log,
  };
  const jailer = wantedJailer(firecracker, want);
  return jailer === undefined ? openPlace(options) : new JailPlace({ ...options, jailer, netns });
}

/** Firecracker takes letters, digits and hyphens, 64 at most; a container's id may have others and be longer. */
function instanceId(stateDir: string): string {
  return `nk-${createHash("sha256").update(stateDir).digest("hex").slice(0, 16)}`;
}
