import type { Socket } from "node:net";
import {
  encodeFrame,
  FrameDecoder,
  FrameType,
  fromShadow,
  u32,
  type Frame,
} from "../../agent/frame-codec.ts";
import { NkError } from "../../base/errors.ts";
import { Outbox } from "./outbox.ts";
import type { StreamEnd } from "./route.ts";

/** What waits for STARTED at most: the credit of two streams in frames of one byte, which is more than any program gets done meanwhile. */
const MAX_HELD_BYTES = 8 * 1024 * 1024;

/** What a shadow tells: each handler is called in the order of the frames. One that throws ends the connection. */
export interface ShadowHandlers {
  /** DATA, CREDIT, EOF and CLOSE of streams 1 to 3. */
  stream(frame: Frame): void;
  control(payload: Buffer): void;
  signal(signal: number): void;
  resize(rows: number, cols: number): void;
  /** The shadow is gone. Called once, last. */
  gone(): void;
}

/**
 * The monitor's end of one shadow's socket (protocol/agent-protocol.md, "Shadow frames"). Frames that come before `attach` wait in
 * the socket; a shadow may send 256 KiB of standard input by itself, so nothing is lost and nothing grows.
 */
export class ShadowLink implements StreamEnd {
  readonly socket: Socket;
  readonly isProcess = true;
  private over = false;
  /** FAILED was sent, and is the last frame. */
  private failed = false;
  private readonly outbox = new Outbox();
  /** Frames must follow STARTED: a short process has ended before the agent's answer to `exec` is read. */
  private waits: boolean;
  private flushing = false;

  /** @param waits an exec shadow, which expects STARTED or FAILED before anything else. */
  constructor(socket: Socket, waits = false) {
    this.socket = socket;
    this.waits = waits;
    // An error is followed by "close", which is what the handlers are told.
    socket.on("error", () => {});
  }

  attach(handlers: ShadowHandlers, head: Buffer = Buffer.alloc(0)): void {
    const decoder = new FrameDecoder(fromShadow);
    const receive = (chunk: Buffer): void => {
      try {
        for (const frame of decoder.push(chunk)) dispatch(frame, handlers);
      } catch {
        this.socket.destroy();
      }
    };
    this.socket.on("close", () => {
      if (this.over) return;
      this.over = true;
      handlers.gone();
    });
    this.socket.on("end", () => this.socket.destroy());
    if (head.length > 0) receive(head);
    this.socket.on("data", receive);
  }

  /** @throws PROTOCOL when the guest sends more than a process can before it is said to have started. */
  send(type: number, streamId: number, payload: Buffer): void {
    if (this.over || this.failed) return;
    this.outbox.add(type, streamId, payload);
    if (!this.waits) this.flushSoon();
    else if (this.outbox.bytes > MAX_HELD_BYTES) {
      throw new NkError(
        "PROTOCOL",
        `the guest sent ${this.outbox.bytes} bytes of a process before its start`,
      );
    }
  }

  sendStarted(): void {
    this.waits = false;
    if (!this.over) this.socket.write(encodeFrame(FrameType.started, 0));
    this.flush();
  }

  sendFailed(text: string): void {
    if (this.over || this.failed) return;
    if (!this.waits) this.flush();
    this.failed = true;
    this.socket.end(encodeFrame(FrameType.failed, 0, Buffer.from(text.slice(0, 4096))));
  }

  /** Sends the wait status. The shadow ends; for one of an exec that leaves children behind, a copy of it stays. */
  sendExit(waitStatus: number): void {
    if (this.over || this.failed) return;
    this.outbox.add(FrameType.exit, 0, u32(waitStatus));
    if (!this.waits) this.flush();
  }

  /** Nothing more will be sent. One that waits for STARTED gets FAILED first, from whoever waits for it. */
  end(): void {
    if (this.over || this.failed || this.waits) return;
    this.flush();
    this.socket.end();
  }

  /** Resolves when the shadow has closed its end, its output written. */
  closed(): Promise<void> {
    if (this.over) return Promise.resolve();
    return new Promise((resolve) => {
      this.socket.once("close", () => resolve());
    });
  }

  destroy(): void {
    this.socket.destroy();
  }

  /** Once for all frames of one piece that was read. */
  private flushSoon(): void {
    if (this.flushing) return;
    this.flushing = true;
    queueMicrotask(() => this.flush());
  }

  private flush(): void {
    this.flushing = false;
    const parts = this.outbox.take();
    if (this.over) return;
    this.socket.cork();
    for (const part of parts) this.socket.write(part);
    this.socket.uncork();
  }
}

function dispatch(frame: Frame, handlers: ShadowHandlers): void {
  switch (frame.type) {
    case FrameType.control:
      return handlers.control(frame.payload);
    case FrameType.signal:
      return handlers.signal(signalOf(frame.payload));
    case FrameType.resize:
      return handlers.resize(frame.payload.readUInt16LE(0), frame.payload.readUInt16LE(2));
    default:
      return handlers.stream(frame);
  }
}

const LAST_SIGNAL = 64;

function signalOf(payload: Buffer): number {
  const signal = payload.readUInt32LE(0);
  if (signal >= 1 && signal <= LAST_SIGNAL) return signal;
  throw new NkError("PROTOCOL", `the shadow sent the signal ${signal}`);
}
