import { asNkError, NkError } from "../base/errors.ts";
import { CHOOSE_SHARE, type ShareKind } from "../share/share.ts";

/** How folders of the host reach a guest, and the program that serves them (`Shape`). */
export interface Volumes {
  volumes?: ShareKind;
  server?: string;
}

/**
 * Says of a share that cannot be had what it is for, where the root file system is on a disk and does not need it.
 * @throws what `choose` throws
 */
export function volumesFor(root: "share" | "disk", choose: () => Volumes): Volumes {
  try {
    return choose();
  } catch (error) {
    const { code, message, phase, cause } = asNkError(error);
    if (root === "share" || phase !== CHOOSE_SHARE) throw error;
    const reason =
      "with --vm-share=block bind mounts of config.json still need a share of their own, and so does --vm-sync";
    throw new NkError(code, `${reason}: ${message}`, { phase, cause });
  }
}
