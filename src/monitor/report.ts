import { writeSync, closeSync } from "node:fs";
import type { ErrorJson } from "../base/errors.ts";

/** Lines that the monitor writes to the command that started it. */
export type ReportLine = { ready: true } | { error: ErrorJson } | { span: string };

/** The pipe to the command that started the monitor: open until the container is created (or running) or has failed. */
export class Report {
  private fd: number | undefined;

  constructor(fd: number) {
    this.fd = fd;
  }

  /** Returns false when the caller has gone away. */
  send(line: ReportLine): boolean {
    if (this.fd === undefined) return false;
    try {
      writeSync(this.fd, `${JSON.stringify(line)}\n`);
      return true;
    } catch {
      this.close();
      return false;
    }
  }

  close(): void {
    if (this.fd === undefined) return;
    closeSync(this.fd);
    this.fd = undefined;
  }
}
