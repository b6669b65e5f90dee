import type { Socket } from "node:net";
import type { ReportLine } from "../contract/report-line.ts";

/** The connection to the command that started the monitor: open until the container is created (or running) or has failed. */
export class Report {
  /** Settles when the command has gone without having been told how it ended: it was killed. */
  readonly abandoned: Promise<void>;
  private readonly socket: Socket;
  private readonly closed: Promise<void>;
  private finishing = false;

  /** @param socket a stream socket: that of the command's own end is its death, which a pipe would not tell a writer. */
  constructor(socket: Socket) {
    this.socket = socket;
    this.socket.on("error", () => {}); // followed by "close"
    this.closed = new Promise((resolve) => {
      this.socket.once("close", () => resolve());
    });
    this.abandoned = new Promise((resolve) => {
      // A line that is written meanwhile closes it without an "end".
      for (const event of ["end", "close"])
        this.socket.once(event, () => {
          if (!this.finishing) resolve();
        });
    });
    this.socket.resume();
  }

  send(line: ReportLine): void {
    if (this.socket.writable) this.socket.write(`${JSON.stringify(line)}\n`);
  }

  /** Sends the last line; resolves when it is on its way. Returns false when the command had gone before. */
  async finish(line: ReportLine): Promise<boolean> {
    if (!this.socket.writable) return false;
    this.finishing = true;
    const sent = new Promise<boolean>((resolve) => {
      // Not by `end`, whose callback is also called for a line that nobody was there to take.
      this.socket.write(`${JSON.stringify(line)}\n`, (error) => resolve(!error));
    });
    const told = await Promise.race([sent, this.closed.then(() => false)]);
    this.socket.destroy();
    return told;
  }
}
