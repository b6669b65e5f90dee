import { holdBack } from "../../agent/backpressure.ts";
import { FrameType, type Frame } from "../../agent/frame-codec.ts";
import type { AgentConnection, StreamSink } from "../../agent/connection.ts";
import type { LastingStreams, StreamRow } from "../../agent/lifeline.ts";
import type { Streams } from "../../agent/messages.ts";
import { NkError } from "../../base/errors.ts";
import { rejoin, rowOf, type Joint } from "./rejoin.ts";
import { MAX_CREDIT, ShadowStream, type Route, type StreamEnd } from "./route.ts";

const NOTHING = Buffer.alloc(0);

/** The agent-side stream ids of one process. */
export interface StreamSet {
  streams: Streams;
  /** Passes a frame of the shadow on to the guest. @throws PROTOCOL when it breaks the rules of streams, for which the guest would end the connection */
  fromShadow(frame: Frame): void;
  /** Settles when nobody in the guest holds the process's output any more, or nobody reads it. */
  readonly outputEnded: Promise<void>;
  /** Drops what still comes. */
  release(): void;
  /** The same, and tells the guest that nobody reads what is still written. */
  abandon(): void;
}

/**
 * Passes stream frames between shadows and the agent, ids translated, and holds the guest to its credit: what it may
 * have in flight is bounded, so the monitor's memory is too.
 */
export class StreamRouter implements StreamSink, LastingStreams {
  private readonly routes = new Map<number, Route>();
  private nextId = 1;
  private connection: AgentConnection | undefined;
  /** While there is no connection: what was said on the one before, once that was said on the next. */
  private gap: { joints: readonly Joint[] } | undefined;

  use(connection: AgentConnection): void {
    this.connection = connection;
  }

  /** Opens the streams of one process; with a terminal there is no standard error. */
  open(link: StreamEnd, terminal: boolean, onLoss?: (what: string) => void): StreamSet {
    return this.openStreams(link, terminal ? [1, 2] : [1, 2, 3], onLoss);
  }

  /** A number that no stream of the VM has. */
  number(): number {
    const number = this.nextId;
    this.nextId += 1;
    return number;
  }

  /** @param which of `ShadowStream` */
  openStreams(
    link: StreamEnd,
    which: readonly number[],
    onLoss: (what: string) => void = () => {},
  ): StreamSet {
    const ids = new Map<number, number>();
    const outputs: Promise<void>[] = [];
    for (const shadowStream of which) {
      const id = this.number();
      ids.set(shadowStream, id);
      const ended = this.addRoute(id, link, shadowStream, onLoss);
      if (shadowStream !== ShadowStream.stdin) outputs.push(ended);
    }
    const { stdin, stdout, stderr } = ShadowStream;
    const named = (name: string, stream: number): Streams =>
      ids.has(stream) ? { [name]: ids.get(stream) } : {};
    return {
      streams: {
        ...named("stdin", stdin),
        ...named("stdout", stdout),
        ...named("stderr", stderr),
      },
      fromShadow: (frame) => this.toGuest(ids, frame),
      outputEnded: Promise.all(outputs).then(() => {}),
      release: () => this.release(ids),
      abandon: () => this.abandon(ids),
    };
  }

  private addRoute(
    id: number,
    link: StreamEnd,
    shadowStream: number,
    onLoss: (what: string) => void,
  ): Promise<void> {
    const fresh = { credit: MAX_CREDIT, bytes: 0, held: [], ended: false, left: false };
    return new Promise((over) => {
      this.routes.set(id, { id, link, shadowStream, ...fresh, over, onLoss });
    });
  }

  hold(): void {
    this.gap = { joints: [] };
  }

  rows(): readonly StreamRow[] {
    const joints = [...this.routes.values()].map(rowOf);
    this.gap = { joints };
    return joints.map(({ row }) => row);
  }

  rejoin(theirs: readonly unknown[]): void {
    const { connection, gap } = this;
    this.gap = undefined;
    if (!connection || !gap) return;
    for (const { id } of rejoin(gap.joints, theirs, this.routes, connection)) this.routes.delete(id);
  }

  private release(ids: Map<number, number>): void {
    for (const id of ids.values()) {
      this.routes.get(id)?.over();
      this.routes.delete(id);
    }
  }

  private abandon(ids: Map<number, number>): void {
    for (const id of ids.values()) {
      const route = this.routes.get(id);
      if (!route || route.shadowStream === ShadowStream.stdin || route.ended || route.left) continue;
      if (!this.gap) this.connection?.send(FrameType.close, id, NOTHING);
    }
    this.release(ids);
  }

  /** A stream frame of the guest. @throws PROTOCOL when it breaks the rules of streams. */
  frame(frame: Frame): void {
    const route = this.routes.get(frame.streamId);
    if (!route || this.gap) return;
    const guestSends = route.shadowStream !== ShadowStream.stdin;
    const fromItsSender = frame.type === FrameType.data || frame.type === FrameType.eof;
    if (fromItsSender !== guestSends)
      throw broken(`frame type ${frame.type} against the direction of`, frame);
    if (guestSends) holdSender(route, frame);
    else if (!takesMore(route, frame)) return;
    route.link.send(frame.type, route.shadowStream, frame.payload);
    if (route.ended) route.over();
    if (this.connection) holdBack(this.connection.socket, route.link.socket);
  }

  private toGuest(ids: Map<number, number>, frame: Frame): void {
    const id = ids.get(frame.streamId);
    if (id === undefined) return;
    const route = this.routes.get(id);
    if (!route || !this.connection) return;
    // It is read on even when the guest does not: its end is the shadow's death. Credit bounds what it can send.
    holdShadow(route, frame);
    const isData = frame.type === FrameType.data;
    // In a gap all but data is told when it is over.
    if (this.gap && isData) route.held.push(Buffer.from(frame.payload));
    if (!this.gap) this.connection.send(frame.type, id, frame.payload);
    if (!this.gap && isData) route.bytes += frame.payload.length;
    if (route.left) route.over();
  }
}

/** Whoever has the control socket can claim to be a shadow: one that breaks the rules must not cost the guest its connection. */
function holdShadow(route: Route, frame: Frame): void {
  const shadowSends = route.shadowStream === ShadowStream.stdin;
  const fromItsSender = frame.type === FrameType.data || frame.type === FrameType.eof;
  if (fromItsSender !== shadowSends)
    throw brokenBy("shadow", `frame type ${frame.type} against the direction of`, frame);
  if (route.left) throw brokenBy("shadow", "more after its end on", frame);
  if (frame.type === FrameType.data) route.credit -= frame.payload.length;
  else if (frame.type === FrameType.credit) route.credit += creditOf(frame, "shadow");
  else route.left = true;
  if (route.credit < 0) throw brokenBy("shadow", "more than its credit on", frame);
  if (route.credit > MAX_CREDIT) throw brokenBy("shadow", "too much credit on", frame);
}

/** Holds the guest to its credit and to its own EOF. */
function holdSender(route: Route, frame: Frame): void {
  if (route.ended) throw broken("more after EOF on", frame);
  if (frame.type === FrameType.eof) route.ended = true;
  route.credit -= frame.payload.length;
  route.bytes += frame.payload.length;
  if (route.credit < 0) throw broken("more than its credit on", frame);
}

/** CREDIT or CLOSE of the guest on standard input: false when it has closed it before. */
function takesMore(route: Route, frame: Frame): boolean {
  if (route.ended) return false;
  if (frame.type === FrameType.close) {
    route.ended = true;
    return true;
  }
  route.credit += creditOf(frame, "guest");
  if (route.credit > MAX_CREDIT) throw broken("too much credit on", frame);
  return true;
}

/** None at all could be sent without end. */
function creditOf(frame: Frame, who: "guest" | "shadow"): number {
  const bytes = frame.payload.readUInt32LE(0);
  if (bytes === 0) throw brokenBy(who, "no credit on", frame);
  return bytes;
}

function broken(what: string, frame: Frame): NkError {
  return brokenBy("guest", what, frame);
}

function brokenBy(who: "guest" | "shadow", what: string, { streamId }: Frame): NkError {
  return new NkError("PROTOCOL", `the ${who} sent ${what} stream ${streamId}`);
}
