import { Deadline } from "../base/deadline.ts";
import { NkError } from "../base/errors.ts";
import { polled } from "../base/polled.ts";
import { WORDLESS } from "../contract/follow-report.ts";
import type { Shadow } from "../host/shadow.ts";
import type { OpenedSandbox } from "./sandbox.ts";

/** How long a monitor whose holder was killed may take for an orderly end. */
const GIVE_UP_MS = 2000;

/**
 * Ends a sandbox and the shadow of its container, of which one failed.
 * @param error what was found here
 * @returns the reason: what the monitor said, or that it was killed, when that came first. What it says afterwards comes of this end: a boot whose
 * files are taken away fails too. Of one that was waited for too long it says what it was at.
 */
export async function broken(
  { report, end }: OpenedSandbox,
  shadow: Shadow | undefined,
  error: unknown,
): Promise<unknown> {
  const last = report.ready.then(
    () => undefined,
    (words: unknown) => words,
  );
  // A monitor that failed has said so before it let go of its socket.
  const before = await Promise.race([last, polled()]);
  await shadow?.kill();
  await end();
  // The last word comes when it has cleaned up; one that hangs is killed with its cgroup.
  const after = await Deadline.after(GIVE_UP_MS)
    .race(last, "the monitor's end")
    .catch(() => undefined);
  if (before !== undefined) return before;
  const isLate = error instanceof NkError && error.code === "TIMEOUT";
  return isLate && after instanceof NkError && after.phase !== WORDLESS ? after : error;
}
