import { Deadline } from "../../base/deadline.ts";
import { complain } from "../../base/logger.ts";
import { killProcess } from "../../host/process-info.ts";
import type { ShadowLink } from "../streams/shadow-link.ts";

/** How long a shadow may take to write its last output when nobody wants its container any more; those of execs when it has ended. */
const FORCED_FLUSH_MS = 2_000;

/** The process that stands for the container on the host. */
export interface ShadowProcess {
  link: ShadowLink;
  pid: number;
}

/** At the end of a container, whose output may be read by nobody. */
export function soon(work: Promise<void>, what: string): Promise<void> {
  return Deadline.after(FORCED_FLUSH_MS).race(work, what);
}

/**
 * Waits for a shadow that was told the end. Never rejects.
 * @param gone settles when it has written all output and closed its link
 * @param cutShort settles when nobody waits for a slow reader any more: the shadow is killed soon after
 */
export async function shadowGone(
  { link, pid }: ShadowProcess,
  gone: Promise<void>,
  cutShort: Promise<void>,
): Promise<void> {
  await Promise.race([gone, cutShort]);
  try {
    await soon(gone, "the shadow's last output");
  } catch (error) {
    complain(error);
    link.destroy();
    killProcess(pid);
  }
}
