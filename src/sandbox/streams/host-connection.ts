import type { Socket } from "node:net";
import { FrameType, u32 } from "../../agent/frame-codec.ts";
import { Latch } from "../../base/latch.ts";
import { GuestBytes } from "./guest-bytes.ts";
import { MAX_CREDIT, ShadowStream, type StreamEnd } from "./route.ts";
import type { StreamSet } from "./stream-router.ts";

const MAX_DATA_BYTES = 64 * 1024;
const NOTHING = Buffer.alloc(0);

/**
 * A connection to a Unix socket of the host, as one end of two streams whose other end is a connection in the guest. It takes the place of a shadow: what the
 * host's server says is their standard input, what the guest says their standard output.
 */
export class HostConnection implements StreamEnd {
  readonly isProcess = false;
  readonly socket: Socket;
  private readonly streams: StreamSet;
  private readonly toHost: GuestBytes;
  private credit = MAX_CREDIT;
  private waiting: Buffer[] = [];
  private hostEnded = false;
  /** EOF was sent to the guest, or it reads no more. */
  private inputOver = false;
  private guestEnded = false;
  private isClosed = false;
  private readonly gone = new Latch();

  /** @param socket connected, and open by halves @param open of the streams; a loss ends both */
  constructor(socket: Socket, open: (end: StreamEnd, onLoss: () => void) => StreamSet) {
    this.socket = socket;
    this.streams = open(this, () => this.destroy());
    this.toHost = new GuestBytes(socket, (bytes) => this.giveCredit(bytes));
    socket.once("close", () => {
      this.isClosed = true;
      // The guest has not read all that the host has said.
      if (!this.hostEnded || this.waiting.length === 0) this.over();
    });
    // Followed by "close".
    socket.on("error", () => {});
  }

  /** Settles when nothing of it is left. */
  get closed(): Promise<void> {
    return this.gone.promise;
  }

  get numbers(): StreamSet["streams"] {
    return this.streams.streams;
  }

  /** To be called when the guest's agent has been told of the streams. */
  begin(): void {
    this.socket.on("data", (bytes: Buffer) => {
      if (this.inputOver) return;
      this.waiting.push(bytes);
      this.pass();
    });
    this.socket.on("end", () => {
      this.hostEnded = true;
      this.pass();
    });
  }

  /** Ends it, whatever waits. */
  destroy(): void {
    this.socket.destroy();
    this.waiting = [];
    if (this.isClosed) this.over();
  }

  /** A frame of the guest, which the router has checked. */
  send(type: number, _stream: number, payload: Buffer): void {
    if (type === FrameType.data) this.toHost.add(payload);
    else if (type === FrameType.eof) this.endOfGuest();
    else if (type === FrameType.credit) this.takeCredit(payload.readUInt32LE(0));
    else if (type === FrameType.close) this.endOfInput();
  }

  private takeCredit(bytes: number): void {
    this.credit += bytes;
    this.pass();
  }

  private pass(): void {
    while (this.credit > 0 && !this.inputOver) {
      const [first] = this.waiting;
      if (!first) break;
      const bytes = first.subarray(0, Math.min(this.credit, MAX_DATA_BYTES));
      if (bytes.length === first.length) this.waiting.shift();
      else this.waiting[0] = first.subarray(bytes.length);
      this.credit -= bytes.length;
      this.toGuest(FrameType.data, ShadowStream.stdin, bytes);
    }
    if (this.waiting.length > 0) this.socket.pause();
    else this.socket.resume();
    if (this.waiting.length > 0 || !this.hostEnded || this.inputOver) return;
    this.toGuest(FrameType.eof, ShadowStream.stdin);
    this.endOfInput();
  }

  /** What the host's server still says is dropped. */
  private endOfInput(): void {
    this.inputOver = true;
    this.waiting = [];
    this.socket.resume();
    if (this.guestEnded) this.socket.destroySoon();
    if (this.isClosed) this.over();
  }

  private endOfGuest(): void {
    this.guestEnded = true;
    this.toHost.end();
    // With the bytes before: they are being written.
    if (this.inputOver) this.socket.once("finish", () => this.socket.destroy());
  }

  private giveCredit(bytes: number): void {
    if (!this.guestEnded) this.toGuest(FrameType.credit, ShadowStream.stdout, u32(bytes));
  }

  private over(): void {
    if (!this.inputOver) this.toGuest(FrameType.eof, ShadowStream.stdin);
    this.inputOver = true;
    this.streams.abandon();
    this.gone.resolve();
  }

  private toGuest(type: number, streamId: number, payload: Buffer = NOTHING): void {
    this.streams.fromShadow({ type, streamId, payload });
  }
}
