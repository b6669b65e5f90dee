import { closeSync, fstatSync, openSync, renameSync, writeSync } from "node:fs";
import { tailOfFile } from "../base/bytes.ts";

/** Beyond it a log starts anew; the full one stays as `<path>.1`, so a log takes twice this at most. */
const MAX_BYTES = 1024 * 1024;

/**
 * A log file fed by something that the guest can make talk: its console, or the complaints of a device. State folders
 * are usually on a tmpfs, so a guest that could fill a log could fill the host's memory.
 */
export class BoundedLog {
  readonly path: string;
  private readonly maxBytes: number;
  private fd: number | undefined;
  private sizeBytes: number;

  constructor(path: string, maxBytes = MAX_BYTES) {
    this.path = path;
    this.maxBytes = maxBytes;
    this.fd = openSync(path, "a", 0o600);
    this.sizeBytes = fstatSync(this.fd).size;
  }

  /** Appends; writes nothing after `close`. A disk that is full costs log lines, never the VM. */
  write(chunk: Buffer): void {
    if (this.fd === undefined) return;
    try {
      if (this.sizeBytes + chunk.length > this.maxBytes) this.rotate();
      const piece = chunk.subarray(-this.maxBytes);
      this.sizeBytes += writeSync(this.fd, piece);
    } catch {
      // ENOSPC and the like: see above.
    }
  }

  /** The last bytes of the log, for errors. */
  tail(maxBytes?: number): string {
    return tailOfFile(this.path, maxBytes);
  }

  close(): void {
    if (this.fd !== undefined) closeSync(this.fd);
    this.fd = undefined;
  }

  private rotate(): void {
    this.close();
    renameSync(this.path, `${this.path}.1`);
    this.fd = openSync(this.path, "a", 0o600);
    this.sizeBytes = 0;
  }
}
