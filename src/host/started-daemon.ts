import { Socket } from "node:net";
import { constants } from "node:os";
import type { DaemonExit, DaemonProcess } from "./daemon-process.ts";

/** A daemon of a sandbox that the launcher has started, before it became its monitor (native/shadow/daemons.h). */
export interface StartedDaemon extends DaemonProcess {
  /** Of its process, on CLOCK_MONOTONIC. */
  readonly startNs: bigint;
}

/** Of its end that is kept: "listening" and a number have been said by then. */
const MAX_STATUS_BYTES = 64;

/** Each can be taken once. */
export class StartedDaemons {
  private readonly words = new Map<string, string>();

  /** @param text NK_DAEMONS of the environment */
  constructor(text = "") {
    for (const word of text.split(" ").filter(Boolean)) this.words.set(word.split(":", 1)[0] ?? "", word);
  }

  /** Undefined: it was not started. */
  take(name: string): StartedDaemon | undefined {
    const word = this.words.get(name);
    this.words.delete(name);
    return word === undefined ? undefined : open(word);
  }

  /** Ends those that nobody has taken. */
  endOthers(): void {
    for (const name of this.words.keys()) this.take(name)?.kill("SIGTERM");
  }
}

/** NAME:PID:START_NS:OUTPUT,STATUS,CHANNEL… */
function open(word: string): StartedDaemon {
  const [, pidText = "", startNs = "", fds = ""] = word.split(":");
  const [output, status, ...channels] = fds.split(",").map((fd) => socketOf(Number(fd)));
  const pid = Number(pidText);
  if (!output || !status) throw new Error(`expected sockets in NK_DAEMONS, found ${word}`);
  return {
    pid,
    startNs: BigInt(startNs),
    isConfined: true,
    stdout: output,
    stderr: undefined,
    exited: exitOf(output, status),
    channel: (fd) => channels[fd - 3],
    // It is our child, and nobody but us could wait for it, who do not: its pid is never another's.
    kill: () => void process.kill(pid, "SIGTERM"),
  };
}

function socketOf(fd: number): Socket {
  const socket = new Socket({ fd, readable: true, writable: true });
  socket.on("error", () => {}); // followed by "close", which is the end of the process
  return socket;
}

async function exitOf(output: Socket, status: Socket): Promise<DaemonExit> {
  let said = "";
  status.on("data", (chunk: Buffer) => {
    said = (said + chunk.toString("latin1")).slice(-MAX_STATUS_BYTES);
  });
  const ends = [output, status].map((socket) => new Promise((resolve) => socket.once("close", resolve)));
  await Promise.all(ends);
  return exitIn(said);
}

/** @param said the line that is a number is the status of waitpid(2); none: who should have told it was killed */
export function exitIn(said: string): DaemonExit {
  const [line] = /^\d+$/m.exec(said) ?? [];
  if (line === undefined) return { code: null, signal: "SIGKILL" };
  const status = Number(line);
  const signalNumber = status & 0x7f;
  if (signalNumber === 0) return { code: status >> 8, signal: null };
  const [name] = Object.entries(constants.signals).find(([, value]) => value === signalNumber) ?? [];
  return { code: null, signal: (name ?? "SIGKILL") as NodeJS.Signals };
}
