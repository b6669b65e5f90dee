import type { Log } from "./log.ts";

/** Firecracker's exit statuses (FcExitCode). */
export const EXIT = {
  generic: 1,
  unexpected: 2,
  badSyscall: 148,
  badConfiguration: 152,
  argumentParsing: 153,
} as const;

/** What ends the process with a message and a status: `message` for the log, `debug` for standard error. */
export class MainError extends Error {
  readonly debug: string;
  readonly code: number;

  constructor(message: string, debug: string, code: number = EXIT.generic) {
    super(message);
    this.debug = debug;
    this.code = code;
  }
}

/** A panic of Rust, which aborts. `at`: file, line and column in the source. */
export class Panic extends Error {
  readonly at: string;

  constructor(at: string, message: string) {
    super(message);
    this.at = at;
  }
}

/** What Firecracker exits with when it gets a signal that it handles. */
const HANDLED: readonly [NodeJS.Signals, number, number][] = [
  ["SIGHUP", 1, 156],
  ["SIGILL", 4, 157],
  ["SIGBUS", 7, 149],
  ["SIGSEGV", 11, 150],
  ["SIGXCPU", 24, 154],
  ["SIGXFSZ", 25, 151],
  ["SIGSYS", 31, EXIT.unexpected],
];

/** `end` ends the process. Other signals have their usual effect, but for SIGPIPE, which is only counted. */
export function handleSignals(log: Log, end: (code: number) => void): void {
  for (const [name, number, code] of HANDLED)
    process.on(name, () => {
      log.error(`Shutting down VM after intercepting signal ${number}, code 0.`);
      end(code);
    });
  process.on("SIGPIPE", () => {});
}
