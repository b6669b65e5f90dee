import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import type { Deadline } from "../base/deadline.ts";
import { NkError } from "../base/errors.ts";
import { tailOfFile } from "../base/bytes.ts";
import { shadowPath } from "./paths.ts";

export interface DaemonSpec {
  /** argv; the program is looked for in PATH. */
  command: readonly string[];
  /** Takes standard output and error; appended to. */
  logPath: string;
  /** Descriptors of ours that become 3, 4 … in the daemon; it inherits no others. They stay open here. */
  passFds?: readonly number[];
  env?: NodeJS.ProcessEnv;
}

export interface ProcessExit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/**
 * Starts a daemon of ours: in a session of its own, with nothing inherited, and killed by the kernel when this process dies, however it dies.
 * @throws HOST when the helper cannot be started. A program that cannot be run is an exit with 126 or 127.
 */
export function spawnDaemon(spec: DaemonSpec): OwnedProcess {
  const passFds = spec.passFds ?? [];
  const keep = passFds.flatMap((_, index) => ["--keep", String(index + 3)]);
  const log = openSync(spec.logPath, "a", 0o600);
  try {
    const args = ["spawn", "--parent", String(process.pid), ...keep, "--", ...spec.command];
    const child = spawn(shadowPath(), args, {
      stdio: ["ignore", log, log, ...passFds],
      ...(spec.env && { env: spec.env }),
    });
    return new OwnedProcess(child, spec.command[0] ?? "", spec.logPath);
  } finally {
    closeSync(log);
  }
}

/** A child process that must not outlive its owner. */
export class OwnedProcess {
  readonly pid: number;
  readonly name: string;
  readonly logPath: string;
  /** Settles once the process is reaped; never rejects. */
  readonly exited: Promise<ProcessExit>;
  private readonly child: ChildProcess;

  constructor(child: ChildProcess, name: string, logPath: string) {
    this.child = child;
    this.name = name;
    this.logPath = logPath;
    this.exited = new Promise((resolve) => {
      child.once("exit", (code, signal) => resolve({ code, signal }));
      child.once("error", () => resolve({ code: 127, signal: null }));
    });
    if (child.pid === undefined) {
      throw new NkError("HOST", `cannot start ${name}: ${shadowPath()} cannot be run`, {
        see: "make -C native",
      });
    }
    this.pid = child.pid;
  }

  get alive(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** SIGTERM, then SIGKILL after `graceMs`, or half way to the deadline if that is earlier. Calling it twice is allowed. @throws TIMEOUT */
  async terminate(graceMs: number, deadline: Deadline): Promise<ProcessExit> {
    this.kill("SIGTERM");
    const timer = setTimeout(() => this.kill("SIGKILL"), Math.min(graceMs, deadline.remainingMs() / 2));
    try {
      return await deadline.race(this.exited, `the end of ${this.name}`);
    } finally {
      clearTimeout(timer);
    }
  }

  /** The end of what it wrote, for errors. */
  logTail(): string {
    return tailOfFile(this.logPath);
  }
}

/** "exit code 1" or "signal SIGKILL". */
export function describeExit({ code, signal }: ProcessExit): string {
  return signal === null ? `exit code ${code}` : `signal ${signal}`;
}
