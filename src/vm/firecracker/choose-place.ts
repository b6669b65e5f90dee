import { createHash } from "node:crypto";
import type { Shape } from "../shape.ts";
import type { VmSpec } from "../virtual-machine.ts";
import { JailPlace } from "./jail.ts";
import { openPlace, type Place } from "./place.ts";
import { fifosIn } from "./process.ts";

/** Firecracker, and the jailer that it is started by, if there is one. */
export type Programs = Pick<Shape, "program" | "jailer">;

/** A jail where there is a jailer. */
export function choosePlace(wish: Programs & Pick<VmSpec, "stateDir" | "netns">): Place {
  const { stateDir, program, jailer, netns } = wish;
  const options = {
    id: instanceId(stateDir),
    stateDir,
    firecracker: program,
    logFifo: fifosIn(stateDir).log,
  };
  return jailer === undefined ? openPlace(options) : new JailPlace({ ...options, jailer, netns });
}

/** Firecracker takes letters, digits and hyphens, 64 at most; a container's id may have others and be longer. */
function instanceId(stateDir: string): string {
  return `nk-${createHash("sha256").update(stateDir).digest("hex").slice(0, 16)}`;
}
