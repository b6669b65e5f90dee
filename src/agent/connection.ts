import type { Socket } from "node:net";
import { encodeFrame, encodeHeader, FrameDecoder, FrameType, fromGuest, type Frame } from "./frame-codec.ts";
import type { Deadline } from "../base/deadline.ts";
import { NkError, type ErrorCode } from "../base/errors.ts";
import { formatExact } from "../base/exact-json.ts";
import { parseEvent, tail, text, type AgentEvent, type HelloEvent, type Untrusted } from "./messages.ts";

/** Who takes the bytes of streams that the guest sends. Frames for unknown ids are dropped by the receiver. */
export interface StreamSink {
  frame(frame: Frame): void;
}

/** Requests are refused while more than this waits for the guest to read it: two of the largest. */
const MAX_UNREAD_BYTES = 8 * 1024 * 1024;

/** What a CONTROL frame takes (protocol/agent-protocol.md); the agent would end the connection. */
const MAX_REQUEST_BYTES = 4 * 1024 * 1024;

interface Pending {
  resolve: (answer: Untrusted) => void;
  reject: (error: NkError) => void;
}

/**
 * One connection to the agent, over any byte stream. The socket is ours from the constructor on. The guest is not trusted:
 * whatever breaks the protocol ends the connection with a PROTOCOL error, and all that wait are told.
 */
export class AgentConnection {
  /** Settles when the agent has said hello. */
  readonly hello: Promise<HelloEvent>;
  /** Settles (never rejects) with the reason, once, when the connection is over. */
  readonly closed: Promise<NkError>;
  readonly socket: Socket;
  private readonly decoder = new FrameDecoder(fromGuest);
  private readonly pending = new Map<number, Pending>();
  private readonly onEvent: (event: AgentEvent) => void;
  private readonly sink: StreamSink;
  private seq = 0;
  private saidHello = false;
  private resolveHello: (event: HelloEvent) => void = () => {};
  private rejectHello: (error: NkError) => void = () => {};
  private resolveClosed: (error: NkError) => void = () => {};
  private ended: NkError | undefined;

  constructor(socket: Socket, sink: StreamSink, onEvent: (event: AgentEvent) => void) {
    this.socket = socket;
    this.sink = sink;
    this.onEvent = onEvent;
    this.hello = new Promise((resolve, reject) => {
      this.resolveHello = resolve;
      this.rejectHello = reject;
    });
    this.hello.catch(() => {});
    this.closed = new Promise((resolve) => {
      this.resolveClosed = resolve;
    });
    socket.on("data", (chunk: Buffer) => this.receive(chunk));
    socket.on("error", (cause) =>
      this.end(new NkError("AGENT", `connection to the agent: ${cause.message}`)),
    );
    socket.on("close", () => this.end(new NkError("AGENT", "the agent closed its connection")));
  }

  /**
   * Sends one request and waits for its answer.
   * @throws AGENT or RUNTIME errors as the agent reported them; TIMEOUT at the deadline; the reason of `closed`.
   */
  async request(type: string, members: Record<string, unknown>, deadline: Deadline): Promise<Untrusted> {
    const answer = await this.exchange(type, members, deadline);
    if (answer["status"] === "success") return answer;
    throw agentError(type, answer);
  }

  /** As `request`, but an error that the agent reports is an answer like any other. */
  async exchange(type: string, members: Record<string, unknown>, deadline: Deadline): Promise<Untrusted> {
    if (this.ended) throw this.ended;
    this.checkBacklog();
    const seq = (this.seq += 1);
    const payload = Buffer.from(formatExact({ seq, type, ...members }));
    if (payload.length > MAX_REQUEST_BYTES) throw tooLong(type, payload.length);
    const answer = new Promise<Untrusted>((resolve, reject) => {
      this.pending.set(seq, { resolve, reject });
    });
    this.socket.write(encodeFrame(FrameType.control, 0, payload));
    try {
      return await deadline.race(answer, `the agent's answer to "${type}"`);
    } finally {
      this.pending.delete(seq);
    }
  }

  /** A guest that reads nothing must not make us keep all that we ask of it. */
  private checkBacklog(): void {
    const waiting = this.socket.writableLength;
    if (waiting <= MAX_UNREAD_BYTES) return;
    throw new NkError(
      "AGENT",
      `the guest does not read what it is sent: ${waiting} bytes wait (at most ${MAX_UNREAD_BYTES})`,
    );
  }

  /** Sends a stream frame; the payload is written without a copy. */
  send(type: number, streamId: number, payload: Buffer): void {
    if (this.ended) return;
    this.socket.cork();
    this.socket.write(encodeHeader(type, streamId, payload.length));
    if (payload.length > 0) this.socket.write(payload);
    this.socket.uncork();
  }

  /** Ends the connection; waiting requests fail. */
  close(): void {
    this.end(new NkError("AGENT", "the connection to the agent was closed by the monitor"));
  }

  get over(): boolean {
    return this.ended !== undefined;
  }

  private receive(chunk: Buffer): void {
    if (this.ended) return;
    try {
      for (const frame of this.decoder.push(chunk)) this.dispatch(frame);
    } catch (error) {
      this.end(error instanceof NkError ? error : new NkError("PROTOCOL", String(error), { cause: error }));
    }
  }

  private dispatch(frame: Frame): void {
    if (frame.type !== FrameType.control) return this.sink.frame(frame);
    const message = parseJson(frame.payload);
    if ("event" in message) return this.event(message);
    const { seq } = message;
    const pending = typeof seq === "number" ? this.pending.get(seq) : undefined;
    // A late answer, or one to a request that was never made: nobody waits for it.
    if (!pending) return;
    pending.resolve(message);
  }

  private event(message: Untrusted): void {
    const event = parseEvent(message);
    if (!event) return;
    if (event.event !== "hello") return this.onEvent(event);
    if (this.saidHello) throw new NkError("PROTOCOL", "the agent said hello twice on one connection");
    this.saidHello = true;
    if (event.protocol !== 1) {
      throw new NkError("PROTOCOL", `the agent speaks protocol ${event.protocol}, this runtime speaks 1`);
    }
    this.resolveHello(event);
    this.onEvent(event);
  }

  private end(reason: NkError): void {
    if (this.ended) return;
    this.ended = reason;
    this.socket.destroy();
    for (const { reject } of this.pending.values()) reject(reason);
    this.pending.clear();
    this.rejectHello(reason);
    this.resolveClosed(reason);
  }
}

function tooLong(type: string, length: number): NkError {
  return new NkError(
    "USAGE",
    `expected at most ${MAX_REQUEST_BYTES} bytes in a request to the agent, found ${length} in "${type}"`,
  );
}

function parseJson(payload: Buffer): Untrusted {
  let value: unknown;
  try {
    value = JSON.parse(payload.toString("utf8"));
  } catch (cause) {
    throw new NkError("PROTOCOL", "the agent sent a control frame that is not JSON", { cause });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new NkError("PROTOCOL", "the agent sent a control frame that is not a JSON object");
  }
  return value as Untrusted;
}

/** The agent's codes that are ours as well; all others are AGENT. */
const CODES = new Set<unknown>(["NOT_FOUND", "EXISTS", "BAD_STATE", "UNSUPPORTED", "RUNTIME"]);

function agentError(type: string, message: Untrusted): NkError {
  const code = CODES.has(message["code"]) ? (message["code"] as ErrorCode) : "AGENT";
  const words = text(message["error"]) || "no reason given";
  const log = tail(message["log"]);
  return new NkError(code, words, { phase: `agent: ${type}`, ...(log && { log }) });
}
