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
  /** The guest has sent EOF. */
  ended: boolean;
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
      this.routes.set(id, { link, shadowStream, guestCredit: INITIAL_CREDIT, ended: false });
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

  /** A stream frame of the guest. @throws PROTOCOL when it breaks the rules of streams. */
  frame(frame: Frame): void {
    const route = this.routes.get(frame.streamId);
    if (!route) return;
    hold(route, frame);
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

/** Holds the guest to the direction of the stream, to its credit and to its own EOF. */
function hold(route: Route, { type, streamId, payload }: Frame): void {
  const fromItsSender = type === FrameType.data || type === FrameType.eof;
  const guestSends = route.shadowStream !== ShadowStream.stdin;
  if (fromItsSender !== guestSends) throw broken(`frame type ${type} against the direction of`, streamId);
  if (!fromItsSender) return;
  if (route.ended) throw broken("more after EOF on", streamId);
  if (type === FrameType.eof) route.ended = true;
  route.guestCredit -= payload.length;
  if (route.guestCredit < 0) throw broken("more than its credit on", streamId);
}

function broken(what: string, streamId: number): NkError {
  return new NkError("PROTOCOL", `the guest sent ${what} stream ${streamId}`);
}
