import { constants } from "node:os";
import { NkError } from "../base/errors.ts";
import { polled } from "../base/polled.ts";

/** What people and supervisors send to end a command; the monitor ends a boot on the same ones (src/sandbox/containers/container.ts). */
const ENDING = ["SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM"] as const;

/**
 * From here on a signal no longer kills this process but aborts what is returned, with an error that says so and has the exit
 * status 128 + n. Whoever makes a container watches it until the container is there.
 * @param what is ended by it, for the message
 */
export function giveUpOnSignals(what = "the container before it was created"): AbortSignal {
  const controller = new AbortController();
  for (const signal of ENDING) process.on(signal, () => controller.abort(ended(signal, what)));
  return controller.signal;
}

export function endsCreation(signal: NodeJS.Signals): boolean {
  return (ENDING as readonly string[]).includes(signal);
}

/** Settles as `promise` does, or rejects as soon as a signal comes. Cleaning up is the caller's. */
export async function unlessGivenUp<T>(givenUp: AbortSignal, promise: Promise<T>): Promise<T> {
  let onAbort = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(givenUp.reason as NkError);
  });
  givenUp.addEventListener("abort", onAbort);
  if (givenUp.aborted) onAbort();
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    givenUp.removeEventListener("abort", onAbort);
  }
}

/** Throws when a signal has come, also one that the event loop has yet to deliver: after synchronous work, or with the end of a child. */
export async function checkGivenUp(givenUp: AbortSignal): Promise<void> {
  await polled();
  givenUp.throwIfAborted();
}

function ended(signal: (typeof ENDING)[number], what: string): NkError {
  return new NkError("BOOT", `${signal} ended ${what}`, {
    exitStatus: 128 + constants.signals[signal],
  });
}
