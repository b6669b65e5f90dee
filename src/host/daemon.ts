import type { Duplex } from "node:stream";
import { Deadline } from "../base/deadline.ts";
import { NkError } from "../base/errors.ts";
import type { BoundedLog } from "./bounded-log.ts";
import { spawnDaemon, type DaemonCommand, type DaemonExit, type DaemonProcess } from "./daemon-process.ts";
import { childrenOf } from "./process-info.ts";

export type { DaemonExit } from "./daemon-process.ts";

export type ExitCodes = Readonly<Record<number, string>>;

/** Who listens to a daemon. */
export interface DaemonListener {
  /** Of the daemon, for people. */
  name: string;
  /** Gets what the process writes to its standard output and error. */
  log: BoundedLog;
  /** Sees each piece of output as well. */
  onOutput?: (chunk: Buffer) => void;
  /** Takes standard output, which else goes to `log` too. */
  onStdout?: (chunk: Buffer) => void;
  /** What its exit codes mean, for people. */
  exitCodes?: ExitCodes;
}

export type DaemonOptions = DaemonCommand & DaemonListener;

export function startDaemon(options: DaemonOptions): Daemon {
  return new Daemon(options, spawnDaemon(options));
}

/**
 * A process of ours in the background: a VMM or the server of a share. It has no descriptor but its own streams, and its
 * output is kept in a bounded log.
 */
export class Daemon {
  readonly name: string;
  /** Settles once, after the process has ended and its output has been read to the end; never rejects. */
  readonly exited: Promise<DaemonExit>;
  private readonly process: DaemonProcess;
  private readonly log: BoundedLog;
  private readonly exitCodes: ExitCodes | undefined;
  private ended = false;

  constructor(options: DaemonListener, process: DaemonProcess) {
    this.name = options.name;
    this.log = options.log;
    this.exitCodes = options.exitCodes;
    this.process = process;
    this.exited = this.process.exited.then((exit) => {
      this.ended = true;
      return exit;
    });
    const toLog = (chunk: Buffer): void => {
      this.log.write(chunk);
      options.onOutput?.(chunk);
    };
    this.process.stdout?.on("data", options.onStdout ?? toLog);
    this.process.stderr?.on("data", toLog);
  }

  /** Of the program; of who waits for it while it is not there, and on a kernel that does not tell (CONFIG_PROC_CHILDREN). */
  get pid(): number | undefined {
    const { pid, isConfined } = this.process;
    return pid !== undefined && isConfined ? (childrenOf(pid)[0] ?? pid) : pid;
  }

  get running(): boolean {
    return !this.ended;
  }

  /** Our end of the process's descriptor `fd` (3, 4, …). Its end-of-file is the death of the process. */
  channel(fd: number): Duplex {
    const stream = this.process.channel(fd);
    if (!stream) throw new NkError("INTERNAL", `${this.name} has no channel ${fd}`);
    return stream;
  }

  /** A confined program gets SIGKILL, whatever `signal` is, from who waits for it: it is gone when that one is. */
  kill(signal: NodeJS.Signals): void {
    if (!this.ended) this.process.kill(this.process.isConfined ? "SIGTERM" : signal);
  }

  /** Waits for `promise`, but no longer than the process lives, and no longer than the deadline. */
  async alive<T>(promise: Promise<T>, deadline: Deadline, phase: string): Promise<T> {
    const death = this.exited.then((exit): never => {
      throw this.deathError(exit, phase);
    });
    death.catch(() => {});
    promise.catch(() => {});
    return deadline.race(Promise.race([promise, death]), phase);
  }

  /** Whether it ends by itself within that time. */
  endsWithin(timeoutMs: number): Promise<boolean> {
    return Deadline.after(timeoutMs)
      .race(this.exited, `the end of ${this.name}`)
      .then(
        () => true,
        () => false,
      );
  }

  /** What to say about an end that nobody asked for. */
  deathError(exit: DaemonExit, phase: string): NkError {
    const log = this.log.tail();
    const ended = describeExit(exit, this.exitCodes);
    return new NkError("VMM", `${phase}: ${this.name} ${ended}, expected it to keep running`, {
      phase,
      see: this.log.path,
      ...(log !== "" && { log }),
      ...(exit.spawnError !== undefined && { cause: exit.spawnError }),
    });
  }
}

/** "exited with code 1" and the like, to follow the name of the process; in brackets what the code means, where `meanings` says so. */
export function describeExit({ code, signal, spawnError }: DaemonExit, meanings: ExitCodes = {}): string {
  if (spawnError !== undefined) return `could not be started: ${spawnError.message}`;
  if (signal !== null) return `was killed by ${signal}`;
  const meaning = code === null ? undefined : meanings[code];
  return `exited with code ${code ?? "unknown"}${meaning === undefined ? "" : ` (${meaning})`}`;
}
