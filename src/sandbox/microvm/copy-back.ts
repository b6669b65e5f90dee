import { join } from "node:path";
import { asNkError } from "../../base/errors.ts";
import { complain } from "../../base/logger.ts";
import { removeTree } from "../../host/remove-tree.ts";
import { SHARED_ROOTFS } from "../../oci/guest-mounts.ts";
import type { CopyBack } from "../../state/record.ts";
import { traced } from "../../trace/channels.ts";
import type { Guest } from "./guest.ts";
import { upperFolder } from "./root-mounts.ts";

/** Where the agent makes files before they get their names (guest/agent/sync/sync.h). */
const STAGING = ".nk-sync";

const WHY = "with --vm-sync the bundle's root file system gets what the container has made of its disk";

const NOTHING: CopyBack = { files: 0, bytes: 0, deleted: 0, failed: 0, problems: [] };

/**
 * Has the guest copy what a container that has ended changed on its disk to the root file system of its bundle. The host never mounts a disk that a
 * guest has written: its file system would be an attack on the host's kernel. Never rejects.
 */
export async function copyBack(
  guest: Guest,
  id: string,
  place: { share: string; root: string },
): Promise<CopyBack> {
  const upper = guest.root && upperFolder(guest.root);
  const target = `${place.share}${SHARED_ROOTFS}`;
  const request = { root: place.root, ...(upper !== undefined && { upper }), target };
  const what = JSON.stringify({ type: "sync", id, ...request });
  try {
    return await traced("agent", "copy back what changed", { why: WHY, what }, () =>
      guest.agent.sync(id, request),
    );
  } catch (error) {
    return notCopied(asNkError(await guest.explain(error)).message);
  }
}

/** When it was not even begun, or was cut off. */
export function notCopied(error: string): CopyBack {
  return { ...NOTHING, error };
}

/**
 * Removes what a guest that ended in the middle has left. Only when the guest has ended; another container may still write there. What cannot be
 * removed must not keep the container from its end: the monitor's log has it.
 */
export function removeStaging(rootfs: string): void {
  try {
    removeTree(join(rootfs, STAGING));
  } catch (error) {
    complain(error);
  }
}
