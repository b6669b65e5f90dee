import { dirname, join } from "node:path";
import { shapeKey, type SettledShape } from "../vm/shape.ts";

/**
 * What a VM of a pool and the one that is wanted must have in common: the shape, and the monitor, which a VM that waits has had since its boot. After an
 * update of ours it is another program than the one that would be started, and VMs of the old one are not taken any more.
 */
export function poolKey(shape: SettledShape): string {
  const monitor = join(dirname(process.argv[1] ?? ""), "nk-monitor.cjs");
  return shapeKey({ ...shape, diskSlots: [] }, [monitor]);
}
