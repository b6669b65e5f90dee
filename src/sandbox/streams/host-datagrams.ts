import type { Duplex } from "node:stream";
import { FrameType, u32 } from "../../agent/frame-codec.ts";
import { GuestBytes } from "./guest-bytes.ts";
import { ShadowStream, type StreamEnd } from "./route.ts";
import type { StreamSet } from "./stream-router.ts";

/** Messages of the guest to a datagram socket of the host, each a DATA frame, on their way to the process that sends them (native/sockets/datagrams.c). */
export class HostDatagrams implements StreamEnd {
  readonly isProcess = false;
  readonly socket: Duplex;
  private readonly streams: StreamSet;
  private readonly messages: GuestBytes;

  constructor(socket: Duplex, open: (end: StreamEnd) => StreamSet) {
    this.socket = socket;
    this.streams = open(this);
    this.messages = new GuestBytes(socket, (bytes) =>
      this.streams.fromShadow({ type: FrameType.credit, streamId: ShadowStream.stdout, payload: u32(bytes) }),
    );
  }

  /** Of the guest's stream. */
  get number(): number | undefined {
    return this.streams.streams.stdout;
  }

  send(type: number, _stream: number, payload: Buffer): void {
    if (type === FrameType.data) this.messages.add(payload, u32(payload.length));
  }

  close(): void {
    this.streams.release();
    this.socket.destroy();
  }
}
