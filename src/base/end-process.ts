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
}
