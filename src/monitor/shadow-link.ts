import type { Socket } from "node:net";
import {
  encodeFrame,
  encodeHeader,
  FrameDecoder,
  FrameType,
  fromShadow,
  type Frame,
} from "../agent/frame-codec.ts";

/** What a shadow tells: each handler is called in the order of the frames. */
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
export class ShadowLink {
  private readonly socket: Socket;
  private over = false;
  /** Frames that must follow STARTED: a short process has ended before the agent's answer to `exec` is read. */
  private held: Buffer[] | undefined;

  /** @param waits an exec shadow, which expects STARTED or FAILED before anything else. */
  constructor(socket: Socket, waits = false) {
    this.socket = socket;
    this.held = waits ? [] : undefined;
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

  send(type: number, streamId: number, payload: Buffer): void {
    if (this.over) return;
    this.socket.cork();
    this.write(encodeHeader(type, streamId, payload.length));
    if (payload.length > 0) this.write(payload);
    this.socket.uncork();
  }

  sendStarted(): void {
    const held = this.held ?? [];
    this.held = undefined;
    if (this.over) return;
    this.socket.write(Buffer.concat([encodeFrame(FrameType.started, 0), ...held]));
  }

  sendFailed(text: string): void {
    if (!this.over) this.socket.end(encodeFrame(FrameType.failed, 0, Buffer.from(text.slice(0, 4096))));
  }

  /** Sends the wait status; resolves when the shadow has closed its end, its output written. */
  sendExit(waitStatus: number): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      if (this.over) resolve();
      else this.socket.once("close", () => resolve());
    });
    if (!this.over) {
      const payload = Buffer.alloc(4);
      payload.writeUInt32LE(waitStatus);
      this.write(encodeFrame(FrameType.exit, 0, payload));
    }
    return closed;
  }

  destroy(): void {
    this.socket.destroy();
  }

  private write(bytes: Buffer): void {
    if (this.held) this.held.push(bytes);
    else this.socket.write(bytes);
  }
}

function dispatch(frame: Frame, handlers: ShadowHandlers): void {
  switch (frame.type) {
    case FrameType.control:
      return handlers.control(frame.payload);
    case FrameType.signal:
      return handlers.signal(frame.payload.readUInt32LE(0));
    case FrameType.resize:
      return handlers.resize(frame.payload.readUInt16LE(0), frame.payload.readUInt16LE(2));
    default:
      return handlers.stream(frame);
  }
}
