import { closeSync, constants, fstatSync, openSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { asNkError } from "../base/errors.ts";
import { writeStderr } from "../base/logger.ts";
import type { ContainerRecord } from "./record.ts";
import { writeRecord } from "./store.ts";

/**
 * Writes the record of one life of an id. It holds the state folder open: once that life has been removed, nothing is written any more. Its name would
 * lead to whoever has taken the id since.
 */
export class RecordKeeper {
  private readonly fd: number;

  /** @throws ENOENT */
  constructor(stateDir: string) {
    this.fd = openSync(stateDir, constants.O_RDONLY | constants.O_DIRECTORY);
  }

  /** @throws HOST */
  write(record: ContainerRecord): void {
    writeRecord(this.path, record);
  }

  /** The last record. A full disk must not keep the exit status from the caller; the trace makes room for it. */
  writeLast(record: ContainerRecord): void {
    try {
      if (!this.isGone()) this.writeSomehow(record);
    } catch (error) {
      writeStderr(`the end of the container could not be recorded: ${asNkError(error).message}\n`);
    }
    this.close();
  }

  /** Nothing can be written afterwards. */
  close(): void {
    closeSync(this.fd);
  }

  private writeSomehow(record: ContainerRecord): void {
    try {
      this.write(record);
    } catch {
      truncateSync(join(this.path, "trace.jsonl"));
      this.write(record);
    }
  }

  private isGone(): boolean {
    return fstatSync(this.fd).nlink === 0;
  }

  private get path(): string {
    return `/proc/self/fd/${this.fd}`;
  }
}
