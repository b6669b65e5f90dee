import { createServer, type Server, type Socket } from "node:net";
import { RequestParser, type ParserLimits } from "./parser.ts";
import type { Request } from "./request.ts";
import { responseBytes, type Response } from "./response.ts";

const MAX_CONNECTIONS = 10;
const FULL =
  "HTTP/1.1 503\r\nServer: Firecracker API\r\nConnection: close\r\nContent-Length: 40\r\n\r\n" +
  '{ "error": "Too many open connections" }';

/** undefined: the connection ends without a response. */
export type Handler = (request: Request) => Promise<Response | undefined>;

/** Serves one request at a time, whoever sent it, as the one thread of Firecracker's API does. */
export class ApiServer {
  private readonly server: Server;
  private readonly connections = new Set<Socket>();
  private readonly limits: ParserLimits;
  private readonly handler: Handler;
  private readonly ended: () => void;
  private turn: Promise<void> = Promise.resolve();

  /** `ended`: the last response has been sent. */
  constructor(limits: ParserLimits, handler: Handler, ended: () => void) {
    this.limits = limits;
    this.handler = handler;
    this.ended = ended;
    this.server = createServer({ allowHalfOpen: true }, (socket) => this.accept(socket));
  }

  /** Rejects with the error of bind(2). */
  async listen(path: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.server.once("error", reject);
      this.server.listen(path, resolve);
    });
  }

  private accept(socket: Socket): void {
    socket.on("error", () => socket.destroy());
    if (this.connections.size >= MAX_CONNECTIONS) {
      socket.write(FULL, () => socket.destroy());
      return;
    }
    this.connections.add(socket);
    socket.on("close", () => this.connections.delete(socket));
    socket.on("end", () => this.queue(() => socket.end()));
    const parser = new RequestParser(this.limits);
    socket.on("data", (data) => this.take(socket, parser, data));
  }

  private take(socket: Socket, parser: RequestParser, data: Buffer): void {
    for (const parsed of parser.feed(data)) {
      if (parsed.kind === "continue") this.queue(() => send(socket, { status: 100 }));
      else if (parsed.kind === "error") this.queue(() => send(socket, parseErrorResponse(parsed.text)));
      else this.queue(() => this.serve(socket, parsed.request));
    }
  }

  private queue(act: () => unknown): void {
    this.turn = this.turn.then(act).then(() => {});
  }

  private async serve(socket: Socket, request: Request): Promise<void> {
    const response = await this.handler(request);
    if (response === undefined) socket.destroy();
    else await send(socket, response);
    if (response?.last === true) this.ended();
  }
}

async function send(socket: Socket, response: Response): Promise<void> {
  if (!socket.destroyed)
    await new Promise<void>((resolve) => socket.write(responseBytes(response), () => resolve()));
}

/** Not JSON: there is a raw newline in the string. */
function parseErrorResponse(text: string): Response {
  return { status: 400, body: `{ "error": "${text}\nAll previous unanswered requests will be dropped." }` };
}
