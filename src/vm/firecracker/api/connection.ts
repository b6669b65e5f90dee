import { connect, type Socket } from "node:net";
import type { Deadline } from "../../../base/deadline.ts";
import { asNkError, NkError } from "../../../base/errors.ts";
import { checkSocketPath } from "../../../base/socket-path.ts";
import { ApiError } from "./api-error.ts";
import { takeAnswer, type HttpAnswer } from "./http-answer.ts";

export type Method = "GET" | "PUT" | "PATCH";

export interface HttpRequest {
  method: Method;
  path: string;
  body: string | undefined;
}

/**
 * One kept connection to Firecracker's socket, made with the first request, and again after it was lost. Requests go one at a time: Firecracker drops
 * what waits unanswered when one before it was malformed, and takes ten connections in all (micro-http).
 */
export class ApiConnection {
  readonly socketPath: string;
  private socket: Socket | undefined;
  private last: Promise<unknown> = Promise.resolve();
  private closed = false;

  /** @throws BAD_CONFIG when no socket can have that path */
  constructor(socketPath: string) {
    checkSocketPath(socketPath);
    this.socketPath = socketPath;
  }

  /** @throws ApiError: VMM when there is no answer or what comes is none, TIMEOUT. Either drops the connection. */
  async exchange(request: HttpRequest, deadline: Deadline): Promise<HttpAnswer> {
    const name = `${request.method} ${request.path}`;
    const what = `Firecracker's answer to ${name}`;
    const turn = this.last.then(() => this.converse(request, deadline, what));
    this.last = turn.catch(() => {});
    try {
      return await deadline.race(turn, what);
    } catch (error) {
      throw asApiError(error, name, this.socketPath);
    }
  }

  /** For good: what waits fails, and every later request does. Firecracker goes on. */
  close(): void {
    this.closed = true;
    this.drop();
  }

  private drop(): void {
    this.socket?.destroy();
    this.socket = undefined;
  }

  private async converse(request: HttpRequest, deadline: Deadline, what: string): Promise<HttpAnswer> {
    // Its turn came too late, and whoever asked has been told.
    if (deadline.remainingMs() === 0) throw new NkError("TIMEOUT", what);
    try {
      return await deadline.race(this.sendAndRead(request), what);
    } catch (error) {
      this.drop();
      throw error;
    }
  }

  private async sendAndRead(request: HttpRequest): Promise<HttpAnswer> {
    const socket = this.dialled();
    return new Promise((resolve, reject) => {
      let received = Buffer.alloc(0);
      const settle = (act: () => void): void => {
        socket.off("data", onData).off("error", reject).off("close", onClose);
        act();
      };
      const onClose = (): void => settle(() => reject(new Error("the connection was closed")));
      const onData = (chunk: Buffer): void => {
        received = Buffer.concat([received, chunk]);
        try {
          const taken = takeAnswer(received);
          if (taken === undefined) return;
          // More than was asked for: what comes next would be taken for the answer to another request.
          if (taken.rest.length > 0 || endsConnection(taken.answer)) this.drop();
          settle(() => resolve(taken.answer));
        } catch (error) {
          settle(() => reject(error instanceof Error ? error : new Error(String(error))));
        }
      };
      socket.on("data", onData).once("error", reject).once("close", onClose);
      socket.write(encode(request));
    });
  }

  private dialled(): Socket {
    if (this.closed) throw new Error("this end was closed");
    if (this.socket !== undefined && !this.socket.destroyed) return this.socket;
    const socket = connect(this.socketPath);
    socket.on("error", () => {}); // whoever waits for an answer hears of it; between requests nobody does
    socket.once("end", () => socket.destroy());
    socket.on("data", () => {
      // Nobody has asked: the next request would take it for its answer.
      if (socket.listenerCount("data") === 1) socket.destroy();
    });
    this.socket = socket;
    return socket;
  }
}

/** After an error of its HTTP parser or reader Firecracker and we may not agree on where the next request starts. */
function endsConnection({ status, body }: HttpAnswer): boolean {
  return status >= 500 || body.startsWith('{ "error":');
}

/** Written in one piece: Firecracker does not understand chunks. */
function encode({ method, path, body }: HttpRequest): string {
  const head = `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n`;
  if (body === undefined) return `${head}\r\n`;
  return `${head}Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

function asApiError(error: unknown, request: string, socketPath: string): ApiError {
  const { code, message } = asNkError(error);
  if (code === "TIMEOUT") return new ApiError("TIMEOUT", message, { request });
  const expected = `expected an answer of Firecracker to ${request} on ${socketPath}`;
  return new ApiError("VMM", `${expected}, found: ${message}${refusalOf(error)}`, { request, cause: error });
}

/** Its refusal of an eleventh connection is lost when it has closed before we write: node then reads no more. */
function refusalOf(error: unknown): string {
  const isUnread = error instanceof Error && "code" in error && error.code === "EPIPE";
  return isUnread ? " (it closes at once when it has ten connections already, and takes no more)" : "";
}
