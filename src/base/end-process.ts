import { closeSync, fstatSync } from "node:fs";

/**
 * Ends the process with the exit code of its one job: what is still open then (a socket, a timer) must not keep it alive. Used by the
 * entry points only.
 */
export function endWith(job: Promise<number>): void {
  void job.then((exitCode) => process.exit(exitCode));
  // Nothing runs any more and no result was reached: a promise that can never settle. Silence would look like success.
  process.on("beforeExit", () => {
    process.stderr.write("nk-runtime: internal error: the command ended without a result\n");
    process.exit(1);
  });
  process.on("exit", leaveTerminals);
}

/**
 * Node sets terminals back to what they were at its start, over what a shell in the foreground has set since (nodejs/node#35536), and
 * aborts when one is gone (nodejs/node#58200). It leaves alone what is closed; who has changed a terminal sets it back.
 */
function leaveTerminals(): void {
  for (const fd of [0, 1, 2]) if (isCharacterDevice(fd)) closeSync(fd);
}

/** A terminal that is gone is no terminal any more. */
function isCharacterDevice(fd: number): boolean {
  try {
    return fstatSync(fd).isCharacterDevice();
  } catch {
    return false; // nobody gave it to us
  }
}
