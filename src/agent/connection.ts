import type { Socket } from "node:net";
import { encodeFrame, encodeHeader, FrameDecoder, FrameType, fromGuest, type Frame } from "./frame-codec.ts";
import { Deadline } from "../base/deadline.ts";
import { asNkError, NkError } from "../base/errors.ts";
import { formatExact } from "../base/exact-json.ts";
import { Latch } from "../base/latch.ts";
import { Breaks, notAgain, REJOIN_TIMEOUT_MS, type LastingStreams, type Lifeline } from "./lifeline.ts";
import { HelloSearch, hostMark } from "./marks.ts";
import { list, parseEvent, type AgentEvent, type HelloEvent, type Untrusted } from "./messages.ts";
import { agentError, Requests } from "./requests.ts";

/** Who takes the bytes of streams that the guest sends. Frames for unknown ids are dropped by the receiver. */
export interface StreamSink {
  frame(frame: Frame): void;
}

/** Requests are refused while more than this waits for the guest to read it: two of the largest. */
const MAX_UNREAD_BYTES = 8 * 1024 * 1024;

/** What a CONTROL frame takes (protocol/agent-protocol.md); the agent would end the connection. */
const MAX_REQUEST_BYTES = 4 * 1024 * 1024;

/**
 * The connection to the agent, over any byte stream. The socket is ours from the constructor on. The guest is not trusted:
 * whatever breaks the protocol ends the connection with a PROTOCOL error, and all that wait are told. With a lifeline (`outlive`) it goes on
 * over another socket when its own breaks.
 */
export class AgentConnection {
  /** Settles when the agent has said hello. */
  readonly hello: Promise<HelloEvent>;
  /** Settles (never rejects) with the reason, once, when the connection is over. */
  readonly closed: Promise<NkError>;
  /** The one of now. */
  socket: Socket;
  private decoder = new FrameDecoder(fromGuest);
  private search: HelloSearch | undefined;
  private lifeline: Lifeline | undefined;
  /** While there is no connection. */
  private gap: Latch | undefined;
  /** The hello that a new connection begins with; rejects when that breaks. */
  private greeting = new Latch<HelloEvent>();
  private connections = 1;
  private readonly breaks = new Breaks();
  private readonly requests = new Requests();
  private readonly onEvent: (event: AgentEvent) => void;
  private readonly sink: StreamSink;
  private seq = 0;
  private saidHello = false;
  private resolveHello: (event: HelloEvent) => void = () => {};
  private rejectHello: (error: NkError) => void = () => {};
  private resolveClosed: (error: NkError) => void = () => {};
  private ended: NkError | undefined;

  constructor(socket: Socket, sink: StreamSink, onEvent: (event: AgentEvent) => void) {
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
    this.socket = socket;
    this.attach(socket);
  }

  /** From now on a socket that breaks is replaced: the agent knows the marks. */
  outlive(lifeline: Lifeline): void {
    this.lifeline = lifeline;
  }

  /** From now on its end is to be expected. */
  mayEnd(): void {
    this.lifeline = undefined;
  }

  /** Resolves when there is a connection, or never will be again. */
  async whole(): Promise<void> {
    await this.gap?.promise;
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
    while (this.gap) await deadline.race(this.gap.promise, "a new connection to the agent");
    if (this.ended) throw this.ended;
    this.checkBacklog();
    const seq = this.seq + 1;
    const payload = Buffer.from(formatExact({ seq, type, ...members }));
    if (payload.length > MAX_REQUEST_BYTES) throw tooLong(type, payload.length);
    this.seq = seq;
    const answer = new Promise<Untrusted>((resolve, reject) => {
      this.requests.add(seq, { type, resolve, reject });
    });
    this.socket.write(encodeFrame(FrameType.control, 0, payload));
    try {
      return await deadline.race(answer, `the agent's answer to "${type}"`);
    } finally {
      this.requests.drop(seq);
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

  private attach(socket: Socket): void {
    this.socket = socket;
    this.decoder = new FrameDecoder(fromGuest);
    socket.on("data", (chunk: Buffer) => this.receive(socket, chunk));
    socket.on("error", (cause) =>
      this.broke(socket, new NkError("AGENT", `connection to the agent: ${cause.message}`)),
    );
    socket.on("close", () => this.broke(socket, new NkError("AGENT", "the agent closed its connection")));
  }

  private broke(socket: Socket, reason: NkError): void {
    if (this.ended || socket !== this.socket) return;
    if (this.gap) this.greeting.reject(reason);
    else if (this.lifeline) void this.bridge(this.lifeline, reason);
    else this.end(reason);
  }

  /** Gets a new connection, or ends. */
  private async bridge(lifeline: Lifeline, reason: NkError): Promise<void> {
    this.gap = new Latch();
    const { gap } = this;
    const deadline = Deadline.after(REJOIN_TIMEOUT_MS);
    lifeline.streams.hold();
    try {
      const exited = lifeline.exited.then((): never => {
        throw reason;
      });
      await Promise.race([this.rejoin(lifeline, reason, deadline), exited]);
    } catch (error) {
      this.end(asNkError(error));
    }
    this.gap = undefined;
    gap.resolve();
  }

  /** Dials until the agent has answered. @throws why it does no more */
  private async rejoin(lifeline: Lifeline, reason: NkError, deadline: Deadline): Promise<void> {
    for (;;) {
      this.socket.destroy();
      this.breaks.count(reason);
      const socket = await lifeline.dial(deadline).catch((error: unknown) => {
        throw asNkError(error).code === "TIMEOUT" ? notAgain(reason) : reason;
      });
      try {
        return await this.greet(socket, lifeline, deadline);
      } catch (error) {
        const { code } = asNkError(error);
        if (code === "TIMEOUT") throw notAgain(reason);
        if (this.ended || code !== "AGENT") throw error;
      }
    }
  }

  /** Resolves when the agent goes on where it was. */
  private async greet(socket: Socket, { marks, streams }: Lifeline, deadline: Deadline): Promise<void> {
    this.connections += 1;
    this.search = new HelloSearch(marks, this.connections);
    this.saidHello = false;
    this.greeting = new Latch();
    this.attach(socket);
    if (this.ended) {
      socket.destroy();
      throw this.ended;
    }
    socket.write(hostMark(marks, this.connections));
    const { lastSeq } = await deadline.race(this.greeting.promise, "the agent's hello");
    this.greeting = new Latch();
    this.requests.failUnanswered(lastSeq);
    // Whoever has waited for them lets go of their streams.
    await new Promise(setImmediate);
    const rejoined = this.reconnect(streams);
    await deadline.race(Promise.race([rejoined, this.greeting.promise]), "the agent's answer");
  }

  private reconnect(streams: LastingStreams): Promise<void> {
    const rejoined = new Latch();
    const type = "reconnect";
    const seq = (this.seq += 1);
    // At once: frames of the streams follow the answer.
    const resolve = (answer: Untrusted): void => {
      this.requests.drop(seq);
      if (answer["status"] !== "success") throw agentError(type, answer);
      streams.rejoin(list(answer["streams"]));
      rejoined.resolve();
    };
    this.requests.add(seq, { type, resolve, reject: (error) => rejoined.reject(error) });
    const payload = formatExact({ seq, type, streams: streams.rows() });
    this.socket.write(encodeFrame(FrameType.control, 0, Buffer.from(payload)));
    return rejoined.promise;
  }

  private receive(socket: Socket, chunk: Buffer): void {
    if (this.ended || socket !== this.socket) return;
    try {
      const bytes = this.search ? this.search.push(chunk) : chunk;
      if (!bytes) return;
      this.search = undefined;
      for (const frame of this.decoder.push(bytes)) this.dispatch(frame);
    } catch (error) {
      this.end(error instanceof NkError ? error : new NkError("PROTOCOL", String(error), { cause: error }));
    }
  }

  private dispatch(frame: Frame): void {
    if (frame.type !== FrameType.control) return this.sink.frame(frame);
    const message = parseJson(frame.payload);
    if ("event" in message) return this.event(message);
    this.requests.settle(message);
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
    this.greeting.resolve(event);
    this.onEvent(event);
  }

  private end(reason: NkError): void {
    if (this.ended) return;
    this.ended = reason;
    this.socket.destroy();
    this.requests.failAll(reason);
    this.rejectHello(reason);
    this.greeting.reject(reason);
    this.gap?.resolve();
    this.gap = undefined;
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
