import { spawn, type ChildProcess, type StdioOptions } from "node:child_process";
import type { Duplex, Readable } from "node:stream";
import { confined, type Confinement } from "./confinement.ts";
import { shadowPath } from "./paths.ts";

export interface DaemonExit {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** Why it could not be started at all: no such file, not executable. */
  spawnError?: Error;
}

/** How a daemon is started. */
export interface DaemonCommand {
  /** For people: "virtiofsd", "QEMU". */
  name: string;
  argv: readonly [string, ...string[]];
  /** Number of connected stream sockets that the process finds as descriptors 3, 4, …; see `channel`. */
  channels?: number;
  /** Path of a Unix socket that it finds itself connected to, as descriptor 3; it has no channels then. */
  connect?: string;
  /** A descriptor of ours that becomes its standard input; it has none otherwise. */
  stdin?: number;
  /** It will change its user: the kernel then forgets that it should die with us, so that a process of ours sees to it. */
  changesUser?: boolean;
  /** The most files that it may have open. */
  maxFiles?: number;
  /** It is in a network namespace of its own. */
  ownNetwork?: boolean;
  /** A folder that it reads while others may write to it: it follows no symbolic link in there, opens no device and writes nothing. */
  foreignDir?: string;
  /** It gets a root of its own. A process of ours waits for it and ends as it does. */
  confinement?: Confinement;
}

/** A daemon as the operating system has it: of our own making, or one that was there before us (started-daemon.ts). */
export interface DaemonProcess {
  /** Of the program, or of who waits for it; undefined when it could not be started. */
  readonly pid: number | undefined;
  /** The process waits for the program, and ends as it does; SIGTERM makes it kill that. */
  readonly isConfined: boolean;
  readonly stdout: Readable | undefined;
  /** Undefined where all output comes by `stdout`. */
  readonly stderr: Readable | undefined;
  /** Settles once, after the process has ended and its output has been read to the end; never rejects. */
  readonly exited: Promise<DaemonExit>;
  channel(fd: number): Duplex | undefined;
  kill(signal: NodeJS.Signals): void;
}

/** Starts it, as our child. */
export function spawnDaemon(command: DaemonCommand): DaemonProcess {
  const child = start(command);
  // Their end is that of the process, which is watched.
  for (const stream of child.stdio) stream?.on("error", () => {});
  return {
    pid: child.pid,
    isConfined: command.confinement !== undefined,
    stdout: child.stdout ?? undefined,
    stderr: child.stderr ?? undefined,
    exited: exitOf(child),
    channel(fd) {
      const stream = child.stdio[fd] as Duplex | Readable | null | undefined;
      return stream !== null && stream !== undefined && "write" in stream ? stream : undefined;
    },
    kill: (signal) => void child.kill(signal),
  };
}

function exitOf(child: ChildProcess): Promise<DaemonExit> {
  return new Promise((resolve) => {
    // Also when it could not be killed: that is no reason for us to end.
    child.on("error", (spawnError) => {
      if (child.pid === undefined) resolve({ code: null, signal: null, spawnError });
    });
    child.once("close", (code, signal) => resolve({ code, signal }));
  });
}

/** Through the native helper, so that it inherits nothing else and the kernel kills it when this process dies. */
function start({
  argv,
  channels = 0,
  connect,
  stdin,
  changesUser = false,
  maxFiles,
  ownNetwork = false,
  foreignDir,
  confinement,
}: DaemonCommand): ChildProcess {
  const stdio: StdioOptions = [stdin ?? "ignore", "pipe", "pipe"];
  const us = String(process.pid);
  const args = ["spawn", "--parent", us];
  if (changesUser) args.push("--guard", us);
  if (maxFiles !== undefined) args.push("--files", String(maxFiles));
  if (ownNetwork) args.push("--unshare", "net");
  if (connect !== undefined) args.push("--connect", connect);
  if (foreignDir !== undefined) args.push("--foreign", foreignDir);
  const kept = channelNumbers(channels);
  for (const fd of kept) {
    stdio.push("pipe"); // a connected pair of Unix sockets (node: child_process, "stdio")
    args.push("--keep", String(fd));
  }
  const around = confinement === undefined ? [] : confined(confinement, kept);
  return spawn(shadowPath(), [...args, "--", ...around, ...argv], { stdio, cwd: "/" });
}

/** Of a daemon's channels, in it. */
export function channelNumbers(channels: number): number[] {
  return Array.from({ length: channels }, (_, index) => 3 + index);
}
