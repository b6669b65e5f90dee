import { constants, openSync, writeSync } from "node:fs";

export type Level = "Off" | "Trace" | "Debug" | "Info" | "Warn" | "Error";
type Thread = "main" | "fc_api";

const RANK: Record<Level, number> = { Trace: 0, Debug: 1, Info: 2, Warn: 3, Error: 4, Off: 5 };
/** What the level may be called, without regard to case. */
const NAMES: Record<string, Level> = {
  off: "Off",
  trace: "Trace",
  debug: "Debug",
  info: "Info",
  warn: "Warn",
  warning: "Warn",
  error: "Error",
};
const SHOWN: Record<Level, string> = {
  Off: "OFF",
  Trace: "TRACE",
  Debug: "DEBUG",
  Info: "INFO",
  Warn: "WARN",
  Error: "ERROR",
};

export function levelOf(name: string): Level | undefined {
  return NAMES[name.toLowerCase()];
}

/** Opens a log, metrics or serial file as Firecracker does: made when missing, never waited for, written from its beginning. */
export function openOutput(path: string): number {
  return openSync(path, constants.O_RDWR | constants.O_NONBLOCK | constants.O_CREAT, 0o666);
}

/** Writes what there is room for; a full pipe loses the rest. */
export function writeOutput(fd: number, bytes: Buffer | string): void {
  try {
    writeSync(fd, Buffer.from(bytes));
  } catch (error) {
    if (!["EAGAIN", "EPIPE"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
}

export interface LogSettings {
  log_path?: string | null;
  level?: Level | null;
  show_level?: boolean | null;
}

/** Firecracker's log: on standard output until a file is named. */
export class Log {
  id = "anonymous-instance";
  private fd = 1;
  private level: Level = "Info";
  private showLevel = false;

  /** @throws an error of open(2) */
  update({ log_path: path, level, show_level: showLevel }: LogSettings): void {
    if (typeof path === "string") this.fd = openOutput(path);
    this.level = level ?? this.level;
    this.showLevel = showLevel ?? this.showLevel;
  }

  info(message: string, thread: Thread = "main"): void {
    this.write("Info", message, thread);
  }

  warn(message: string, thread: Thread = "main"): void {
    this.write("Warn", message, thread);
  }

  error(message: string, thread: Thread = "main"): void {
    this.write("Error", message, thread);
  }

  private write(level: Level, message: string, thread: Thread): void {
    if (RANK[level] < RANK[this.level]) return;
    const shown = this.showLevel ? `:${SHOWN[level]}` : "";
    writeOutput(this.fd, `${timestamp()} [${this.id}:${thread}${shown}] ${message}\n`);
  }
}

/** Local time to nanoseconds; node's clock gives milliseconds. */
function timestamp(): string {
  const now = new Date();
  const local = new Date(now.getTime() - now.getTimezoneOffset() * 60_000);
  return `${local.toISOString().slice(0, 23)}000000`;
}
