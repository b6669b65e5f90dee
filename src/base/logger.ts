import { openSync, writeSync } from "node:fs";
import { asNkError, NkError } from "./errors.ts";
import { printable } from "./printable.ts";
import { reasonOf } from "./system-error.ts";

export type Level = "error" | "warning" | "debug";

export interface LogOptions {
  /** Created at once, also when nothing is logged: containerd reads it after every command. */
  file: string | undefined;
  format: "text" | "json";
  /** Without it only errors and warnings are written: podman reads the whole file as one object. */
  debug: boolean;
}

/** What an error has beyond logrus' members; callers that know only those skip them. */
type LogMembers = Partial<Pick<NkError, "code" | "phase">>;

/**
 * The log of one command in logrus' two formats, which callers read errors from. What is not in the log file, or
 * has none, people see on standard error.
 */
export class Logger {
  private readonly fd: number | undefined;
  private readonly options: LogOptions;

  constructor(options: LogOptions) {
    this.options = options;
    this.fd = options.file === undefined ? undefined : openLog(options.file);
  }

  /** Writes to the log file only: the caller shows the error to people. */
  error({ message, code, phase }: NkError): void {
    this.write("error", message, { code, phase });
  }

  /** As runc, not to both: callers that name a log read standard error and output as one, and expect JSON there. */
  warn(message: string): void {
    if (this.fd === undefined) writeStderr(`nk-runtime: warning: ${printable(message)}\n`);
    else this.write("warning", message);
  }

  debug(message: string): void {
    if (!this.options.debug) return;
    if (this.fd === undefined) writeStderr(`${this.format("debug", message)}\n`);
    else this.write("debug", message);
  }

  private write(level: Level, message: string, more: LogMembers = {}): void {
    if (this.fd === undefined) return;
    try {
      writeSync(this.fd, `${this.format(level, message, more)}\n`);
    } catch {
      // A full disk must not hide the error that is being reported.
    }
  }

  private format(level: Level, msg: string, more: LogMembers = {}): string {
    const time = new Date().toISOString();
    if (this.options.format === "json") return JSON.stringify({ level, msg, time, ...more });
    return `time=${JSON.stringify(time)} level=${level} msg=${JSON.stringify(printable(msg))}`;
  }
}

function openLog(file: string): number {
  try {
    return openSync(file, "a", 0o644);
  } catch (error) {
    const problem = `cannot write the log ${file || '""'}: ${reasonOf(error)}: name another file with --log`;
    throw new NkError("HOST", problem, { cause: error });
  }
}

/** Writes all of `text`, whatever standard error is: nothing may follow, the process may be about to exit. */
export function writeStderr(text: string): void {
  try {
    writeSync(2, text);
  } catch {
    // Closed, or a full pipe that nobody reads: there is nobody to tell.
  }
}

/** Says what went wrong on standard error, a monitor's log, where nothing else comes of it. */
export function complain(error: unknown): void {
  writeStderr(`${asNkError(error).message}\n`);
}
