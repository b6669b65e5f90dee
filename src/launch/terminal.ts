import { closeSync, constants, openSync } from "node:fs";
import { resolve } from "node:path";
import { isatty } from "node:tty";
import { NkError } from "../base/errors.ts";
import { reasonOf } from "../base/system-error.ts";
import type { ShadowTerminal } from "../host/shadow-plan.ts";

/** runc's rules for terminals. @throws USAGE */
export function checkTerminal(terminal: boolean, detach: boolean, consoleSocket: string | undefined): void {
  if (terminal && detach && consoleSocket === undefined) {
    throw new NkError(
      "USAGE",
      "cannot allocate tty if nk-runtime will detach without setting console socket: give --console-socket, or set process.terminal to false",
    );
  }
  if (consoleSocket !== undefined && !(terminal && detach)) {
    throw new NkError(
      "USAGE",
      "cannot use console socket if nk-runtime will not detach or allocate tty: leave --console-socket out, or set process.terminal to true",
    );
  }
}

/**
 * A foreground process with a terminal gets the caller's, which must be there: a shell without one never learns of the end. As with runc it is one of the
 * standard streams, else the controlling terminal.
 * @throws USAGE with runc's words
 */
export function checkCallersTerminal(): void {
  if ([0, 1, 2].some((fd) => isatty(fd))) return;
  try {
    closeSync(openSync(CONTROLLING, constants.O_RDWR | constants.O_NOCTTY));
  } catch (cause) {
    throw new NkError(
      "USAGE",
      `open ${CONTROLLING}: ${reasonOf(cause)}: process.terminal is true, and there is no terminal: run it at one, detach with --console-socket, or set process.terminal to false`,
      { cause },
    );
  }
}

const CONTROLLING = "/dev/tty";

/** What the shadow does about a terminal, for a request that `checkTerminal` let pass. */
export function shadowTerminal(terminal: boolean, consoleSocket: string | undefined): ShadowTerminal {
  if (consoleSocket !== undefined) return { socket: resolve(consoleSocket) };
  return terminal ? "inherit" : "none";
}
