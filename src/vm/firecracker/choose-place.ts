import { createHash } from "node:crypto";
import type { Shape } from "../shape.ts";
import type { VmSpec } from "../virtual-machine.ts";
import { JailPlace } from "./jail.ts";
import { openPlace, type Place } from "./place.ts";
import { fifosIn } from "./process.ts";

/** Firecracker, the jailer that it is started by, if there is one, and its card. */
export type PlacedShape = Pick<Shape, "program" | "jailer" | "card">;

/** A jail where there is a jailer. */
export function choosePlace(
  shape: PlacedShape,
  { stateDir, netns }: Pick<VmSpec, "stateDir" | "netns">,
): Place {
  const { program, jailer, card } = shape;
  const options = {
    id: instanceId(stateDir),
    stateDir,
    firecracker: program,
    logFifo: fifosIn(stateDir).log,
    hasCard: card !== undefined,
  };
  return jailer === undefined ? openPlace(options) : new JailPlace({ ...options, jailer, netns });
}

/** Firecracker takes letters, digits and hyphens, 64 at most; a container's id may have others and be longer. */
function instanceId(stateDir: string): string {
  return `nk-${createHash("sha256").update(stateDir).digest("hex").slice(0, 16)}`;
}
