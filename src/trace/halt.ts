/**
 * `NK_HALT_AT=STEP`: the process stops itself (SIGSTOP) where the step of that name begins, and goes on at SIGCONT. For people who want to
 * look at a half-made VM, and for the tests that kill it there (docs/recovery.md). nk-shadow has steps of its own (native/common/halt.h).
 */
const STEP = process.env["NK_HALT_AT"];

export function haltAt(step: string): void {
  if (step === STEP) process.kill(process.pid, "SIGSTOP");
}
