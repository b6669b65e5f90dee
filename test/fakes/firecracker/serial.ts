import { openOutput, writeOutput } from "./log.ts";

/** What the guest's serial port writes: to standard output, or to a file that is opened when the VM starts. */
export class Serial {
  path: string | null = null;
  private fd: number | undefined;

  write(text: Buffer): void {
    this.fd ??= this.open();
    writeOutput(this.fd, text);
  }

  /** A path that cannot be opened is passed over without a word. */
  private open(): number {
    if (this.path === null) return 1;
    try {
      return openOutput(this.path);
    } catch {
      return openOutput("/dev/null");
    }
  }
}
