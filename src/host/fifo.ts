import { execFile } from "node:child_process";
import { closeSync, constants, openSync, readSync, rmSync } from "node:fs";
import { Socket } from "node:net";
import { NkError } from "../base/errors.ts";
import { shadowPath } from "./paths.ts";

const CHUNK_BYTES = 64 * 1024;

/** Makes named pipes. @throws HOST */
export function makeFifos(paths: readonly string[]): Promise<void> {
  for (const path of paths) rmSync(path, { force: true });
  return new Promise((resolve, reject) => {
    execFile(shadowPath(), ["fifo", ...paths], (error, _, stderr) => {
      if (error === null) resolve();
      else reject(new NkError("HOST", `cannot make named pipes: ${stderr.trim()}`, { cause: error }));
    });
  });
}

/**
 * Our end of a named pipe: what others write to it is read, as it comes. It is opened for both directions, so that it does not end when one of
 * them closes it, and nobody waits for us to open it.
 */
export class FifoReader {
  private readonly path: string;
  private readonly socket: Socket;
  private readonly onData: (chunk: Buffer) => void;
  private readonly drainFd: number;

  constructor(path: string, onData: (chunk: Buffer) => void) {
    this.path = path;
    this.onData = onData;
    const flags = constants.O_RDWR | constants.O_NONBLOCK;
    this.socket = new Socket({ fd: openSync(path, flags), readable: true, writable: false });
    this.drainFd = openSync(path, flags);
    this.socket.on("data", onData);
    this.socket.on("error", () => {});
  }

  /** Takes what is still in it and ends: the writer is gone. A second call does nothing. */
  close(): void {
    if (this.socket.destroyed) return;
    this.socket.destroy();
    const chunk = Buffer.alloc(CHUNK_BYTES);
    for (let bytes = 1; bytes > 0;) {
      bytes = readOrNothing(this.drainFd, chunk);
      if (bytes > 0) this.onData(Buffer.from(chunk.subarray(0, bytes)));
    }
    closeSync(this.drainFd);
    rmSync(this.path, { force: true });
  }
}

/** EAGAIN: it is empty. */
function readOrNothing(fd: number, chunk: Buffer): number {
  try {
    return readSync(fd, chunk);
  } catch {
    return 0;
  }
}
