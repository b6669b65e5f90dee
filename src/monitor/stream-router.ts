import { FrameType, type Frame } from "../agent/frame-codec.ts";
import type { AgentConnection, StreamSink } from "../agent/connection.ts";
import type { Streams } from "../agent/messages.ts";
import { NkError } from "../base/errors.ts";
import type { ShadowLink } from "./shadow-link.ts";

/** What a sender may send before it is given more (protocol/agent-protocol.md, "Streams"). */
const INITIAL_CREDIT = 262_144;

/** The fixed stream ids on a shadow's link. */
export const ShadowStream = { stdin: 1, stdout: 2, stderr: 3 } as const;

interface Route {
  link: ShadowLink;
  shadowStream: number;
  /** Bytes the guest may still send on this stream. */
  guestCredit: number;
}

/** The agent-side stream ids of one process. */
export interface StreamSet {
  streams: Streams;
  /** Passes a frame of the shadow on to the guest. */
  fromShadow(frame: Frame): void;
  release(): void;
}

/**
 * Passes stream frames between shadows and the agent, ids translated, and holds the guest to its credit: what it may
 * have in flight is bounded, so the monitor's memory is too.
 */
export class StreamRouter implements StreamSink {
  private readonly routes = new Map<number, Route>();
  private nextId = 1;
  private connection: AgentConnection | undefined;

  use(connection: AgentConnection): void {
    this.connection = connection;
  }

  /** Opens the streams of one process; with a terminal there is no standard error. */
  open(link: ShadowLink, terminal: boolean): StreamSet {
    const ids = new Map<number, number>();
    for (const shadowStream of terminal ? [1, 2] : [1, 2, 3]) {
      const id = this.nextId;
      this.nextId += 1;
      ids.set(shadowStream, id);
      this.routes.set(id, { link, shadowStream, guestCredit: INITIAL_CREDIT });
    }
    const [stdin, stdout, stderr] = [...ids.values()];
    return {
      streams: {
        ...(stdin !== undefined && { stdin }),
        ...(stdout !== undefined && { stdout }),
        ...(stderr !== undefined && { stderr }),
      },
      fromShadow: (frame) => this.toGuest(ids, frame),
      release: () => {
        for (const id of ids.values()) this.routes.delete(id);
      },
    };
  }

  /** A stream frame of the guest. @throws PROTOCOL when it sends more than its credit. */
  frame(frame: Frame): void {
    const route = this.routes.get(frame.streamId);
    if (!route) return;
    if (frame.type === FrameType.data) {
      route.guestCredit -= frame.payload.length;
      if (route.guestCredit < 0) {
        throw new NkError("PROTOCOL", `the guest sent more than its credit on stream ${frame.streamId}`);
      }
    }
    route.link.send(frame.type, route.shadowStream, frame.payload);
  }

  private toGuest(ids: Map<number, number>, frame: Frame): void {
    const id = ids.get(frame.streamId);
    if (id === undefined) return;
    if (frame.type === FrameType.credit) {
      const route = this.routes.get(id);
      if (route) route.guestCredit += frame.payload.readUInt32LE(0);
    }
    this.connection?.send(frame.type, id, frame.payload);
  }
}
