import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { chmodSync } from "node:fs";
import { asNkError, NkError } from "../../base/errors.ts";
import { formatSpanLine } from "../../trace/span-line.ts";
import { spans, type Span } from "../../trace/channels.ts";
import { parseRequest } from "../../contract/parse-request.ts";
import type { Body } from "./routes.ts";
import type { ControlSurface } from "./surface.ts";

/** The largest request body: a process object fits a hundred times. */
const MAX_BODY_BYTES = 4 * 1024 * 1024;

/**
 * Serves `<state>/control.sock`: HTTP/1.1, answers in JSON, errors as `{"error":{code,message,…}}`. `GET /events` is a stream of
 * server-sent events. Some requests are upgraded: `POST /containers` and `POST /containers/ID/exec` to shadow frames
 * (protocol/agent-protocol.md), `GET /console` to the bytes of the guest's console, `POST /ports/N` to those of a connection to the
 * guest, `POST /adopt` to lines (contract/adoption.ts). Whatever a client sends, and however it leaves, costs it its
 * connection and nobody else anything.
 */
export async function serveControl(behind: { surface: ControlSurface }, path: string): Promise<Server> {
  const server = createServer((request, response) => {
    response.on("error", ignore);
    if (request.url === "/events") return streamEvents(response);
    void answer(behind.surface, request, response);
  });
  // Before and after an upgrade, when node does not listen any more.
  server.on("connection", (socket) => socket.on("error", ignore));
  // An idle connection is how a client learns of the monitor's end: it is never closed for being idle.
  server.keepAliveTimeout = 0;
  server.on("upgrade", (request: IncomingMessage, socket: Socket, head: Buffer) => {
    try {
      behind.surface.upgrade(request.url ?? "", request.headers, () => {
        switchProtocols(socket);
        return { socket, head };
      });
    } catch (error) {
      refuse(socket, asNkError(error));
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, resolve);
  });
  server.on("error", ignore);
  chmodSync(path, 0o600);
  return server;
}

/** A client that has left, or a connection that could not be taken: it sees the end, and there is nobody to tell. */
function ignore(): void {}

function switchProtocols(socket: Socket): void {
  socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: nk-stream\r\n\r\n");
}

function refuse(socket: Socket, { message }: NkError): void {
  const length = Buffer.byteLength(message);
  // Not read any more, its end would never be seen, and the connection stay for ever.
  socket.resume();
  socket.once("end", () => socket.destroy());
  socket.end(`HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: ${length}\r\n\r\n${message}`);
}

async function answer(
  surface: ControlSurface,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  // Node takes it from the request when either has ended.
  const { method = "", url = "", socket } = request;
  // A body that was not read to its end would hold the connection for ever.
  response.once("finish", () => {
    if (!request.complete) socket.destroy();
  });
  try {
    send(response, 200, (await surface.request(method, url, () => readBody(request))) ?? {});
  } catch (error) {
    const { code } = asNkError(error);
    send(response, code === "USAGE" ? 400 : 500, { error: asNkError(error).toJson() });
  }
}

function send(response: ServerResponse, status: number, value: unknown): void {
  const text = JSON.stringify(value);
  response.writeHead(status, { "Content-Type": "application/json" });
  response.end(text);
}

async function readBody(request: IncomingMessage): Promise<Body> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_BODY_BYTES)
      throw new NkError("USAGE", `the body is larger than ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  if (length === 0) return {};
  return parseRequest(Buffer.concat(chunks), "the body");
}

function streamEvents(response: ServerResponse): void {
  response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
  response.flushHeaders();
  const pass = (span: unknown): void => {
    // Steps are lost to a reader that has stopped, memory is not.
    if (response.writableLength > MAX_BODY_BYTES) return;
    response.write(`event: span\ndata: ${formatSpanLine(span as Span)}\n\n`);
  };
  spans.subscribe(pass);
  response.on("close", () => spans.unsubscribe(pass));
}
