import { spawn, type ChildProcess, type StdioOptions } from "node:child_process";
import type { Duplex, Readable } from "node:stream";
import { Deadline } from "../base/deadline.ts";
import { NkError } from "../base/errors.ts";
import { confined, type Confinement } from "./confinement.ts";
import { shadowPath } from "./paths.ts";
import { childrenOf } from "./process-info.ts";
import type { BoundedLog } from "./bounded-log.ts";

export interface DaemonExit {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** Why it could not be started at all: no such file, not executable. */
  spawnError?: Error;
}

export type ExitCodes = Readonly<Record<number, string>>;

export interface DaemonOptions {
  /** For people: "virtiofsd", "qemu-system-x86_64". */
  name: string;
  argv: readonly [string, ...string[]];
  /** Gets what the process writes to its standard output and error. */
  log: BoundedLog;
  /** Number of connected stream sockets that the process finds as descriptors 3, 4, …; see `channel`. */
  channels?: number;
  /** Sees each piece of output as well. */
  onOutput?: (chunk: Buffer) => void;
  /** Takes standard output, which else goes to `log` too. */
  onStdout?: (chunk: Buffer) => void;
  /** A descriptor of ours that becomes its standard input; it has none otherwise. */
  stdin?: number;
  /** It will change its user: the kernel then forgets that it should die with us, so that a process of ours sees to it. */
  changesUser?: boolean;
  /** The most files that it may have open. */
  maxFiles?: number;
  /** A folder that it reads while others may write to it: it follows no symbolic link in there, opens no device and writes nothing. */
  foreignDir?: string;
  /** It gets a root of its own. A process of ours waits for it and ends as it does. */
  confinement?: Confinement;
  /** What its exit codes mean, for people. */
  exitCodes?: ExitCodes;
}

/**
 * A process of ours in the background: a VMM or the server of a share. It has no descriptor but its own streams, and its
 * output is kept in a bounded log.
 */
export class Daemon {
  readonly name: string;
  /** Settles once, after the process has ended and its output has been read to the end; never rejects. */
  readonly exited: Promise<DaemonExit>;
  private readonly child: ChildProcess;
  private readonly log: BoundedLog;
  private readonly exitCodes: ExitCodes | undefined;
  private readonly isConfined: boolean;
  private ended = false;

  constructor(options: DaemonOptions) {
    this.name = options.name;
    this.log = options.log;
    this.exitCodes = options.exitCodes;
    this.isConfined = options.confinement !== undefined;
    this.child = start(options);
    this.exited = this.watch();
    const toLog = (chunk: Buffer): void => {
      this.log.write(chunk);
      options.onOutput?.(chunk);
    };
    this.child.stdout?.on("data", options.onStdout ?? toLog);
    this.child.stderr?.on("data", toLog);
    // Their end is that of the process, which is watched.
    for (const stream of this.child.stdio) stream?.on("error", () => {});
  }

  /** Of the program; of who waits for it while it is not there, and on a kernel that does not tell (CONFIG_PROC_CHILDREN). */
  get pid(): number | undefined {
    const { pid } = this.child;
    return pid !== undefined && this.isConfined ? (childrenOf(pid)[0] ?? pid) : pid;
  }

  get running(): boolean {
    return !this.ended;
  }

  /** Our end of the process's descriptor `fd` (3, 4, …). Its end-of-file is the death of the process. */
  channel(fd: number): Duplex {
    const stream = this.child.stdio[fd] as Duplex | Readable | null | undefined;
    if (stream === null || stream === undefined || !("write" in stream)) {
      throw new NkError("INTERNAL", `${this.name} has no channel ${fd}`);
    }
    return stream;
  }

  /** A confined program gets SIGKILL, whatever `signal` is, from who waits for it: it is gone when that one is. */
  kill(signal: NodeJS.Signals): void {
    if (!this.ended) this.child.kill(this.isConfined ? "SIGTERM" : signal);
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

  private watch(): Promise<DaemonExit> {
    return new Promise((resolve) => {
      const settle = (exit: DaemonExit): void => {
        this.ended = true;
        resolve(exit);
      };
      // Also when it could not be killed: that is no reason for us to end.
      this.child.on("error", (spawnError) => {
        if (this.child.pid === undefined) settle({ code: null, signal: null, spawnError });
      });
      this.child.once("close", (code, signal) => settle({ code, signal }));
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

/** Through the native helper, so that it inherits nothing else and the kernel kills it when this process dies. */
function start({
  argv,
  channels = 0,
  stdin,
  changesUser = false,
  maxFiles,
  foreignDir,
  confinement,
}: DaemonOptions): ChildProcess {
  const stdio: StdioOptions = [stdin ?? "ignore", "pipe", "pipe"];
  const us = String(process.pid);
  const args = ["spawn", "--parent", us];
  if (changesUser) args.push("--guard", us);
  if (maxFiles !== undefined) args.push("--files", String(maxFiles));
  if (foreignDir !== undefined) args.push("--foreign", foreignDir);
  const kept = Array.from({ length: channels }, (_, index) => 3 + index);
  for (const fd of kept) {
    stdio.push("pipe"); // a connected pair of Unix sockets (node: child_process, "stdio")
    args.push("--keep", String(fd));
  }
  const around = confinement === undefined ? [] : confined(confinement, kept);
  return spawn(shadowPath(), [...args, "--", ...around, ...argv], { stdio, cwd: "/" });
}
