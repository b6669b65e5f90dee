import { closeSync, constants, openSync } from "node:fs";
import { join } from "node:path";
import { complain } from "../../base/logger.ts";
import type { ContainerRecord } from "../../state/record.ts";

/** Who sets this annotation follows containers by conmon. */
const MANAGER = "io.container.manager";
const MANAGERS: readonly unknown[] = ["libpod", "cri-o"];

const { O_CREAT, O_WRONLY, O_NOFOLLOW } = constants;

/**
 * Tells podman and CRI-O that memory ran out: they look for `oom` in the bundle when the container has ended, and remove it. conmon makes it, by
 * the memory cgroup of the pid, where a limit that is kept in the guest is not seen.
 */
export function leaveOomFile({ bundle, annotations }: ContainerRecord): void {
  if (!MANAGERS.includes(annotations[MANAGER])) return;
  try {
    closeSync(openSync(join(bundle, "oom"), O_CREAT | O_WRONLY | O_NOFOLLOW, 0o666));
  } catch (error) {
    complain(error);
  }
}
