import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { chmodSync } from "node:fs";
import { asNkError, NkError } from "../base/errors.ts";
import { formatSpanLine } from "../trace/span-line.ts";
import { spans, type Span } from "../trace/channels.ts";
import type { Monitor } from "./monitor.ts";

/** The largest request body: a process object fits a hundred times. */
const MAX_BODY_BYTES = 4 * 1024 * 1024;

type Body = Record<string, unknown>;
type Handler = (monitor: Monitor, body: Body) => Promise<unknown>;

/** Every operation of the control socket, as `METHOD /path`. */
const ROUTES: Record<string, Handler> = {
  "GET /health": async () => ({ status: "ready" }),
  "GET /state": async (monitor) => monitor.record,
  "POST /start": (monitor) => monitor.start(),
  "POST /kill": (monitor, { signal, all }) => monitor.kill(signalNumber(signal), all === true),
  "POST /pause": (monitor) => monitor.pause(),
  "POST /resume": (monitor) => monitor.resume(),
  "POST /end": (monitor) => monitor.endByForce(),
  "GET /ps": (monitor) => monitor.running().agent.ps(monitor.record.id),
  "GET /stats": (monitor) => monitor.running().agent.stats(monitor.record.id),
};

/**
 * Serves `<state>/control.sock`: HTTP/1.1, answers in JSON, errors as `{"error":{code,message,…}}`. `GET /events` is a stream of
 * server-sent events; `POST /exec` is upgraded to shadow frames (protocol/agent-protocol.md).
 */
export async function serveControl(monitor: Monitor, path: string): Promise<Server> {
  const server = createServer((request, response) => {
    if (request.url === "/events") return streamEvents(request, response);
    void answer(monitor, request, response);
  });
  // An idle connection is how a client learns of the monitor's end: it is never closed for being idle.
  server.keepAliveTimeout = 0;
  server.on("upgrade", (request: IncomingMessage, socket: Socket, head: Buffer) => {
    if (request.url !== "/exec") return socket.destroy();
    socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: nk-stream\r\n\r\n");
    return monitor.execs.accept(socket, head, () => monitor.running().agent);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, resolve);
  });
  chmodSync(path, 0o600);
  return server;
}

async function answer(monitor: Monitor, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const handler = ROUTES[`${request.method} ${request.url}`];
    if (!handler) {
      const known = Object.keys(ROUTES).join(", ");
      throw new NkError("USAGE", `unknown request ${request.method} ${request.url} (known: ${known})`);
    }
    const result = await handler(monitor, await readBody(request));
    send(response, 200, result ?? {});
  } catch (error) {
    const { code } = asNkError(error);
    send(response, code === "USAGE" ? 400 : 500, { error: asNkError(error).toJson() });
  }
}

function send(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { "Content-Type": "application/json" });
  response.end(JSON.stringify(value));
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
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8")) as Body;
  } catch (cause) {
    throw new NkError("USAGE", "the body is not JSON", { cause });
  }
}

function streamEvents(request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
  response.flushHeaders();
  const pass = (span: unknown): void => {
    response.write(`event: span\ndata: ${formatSpanLine(span as Span)}\n\n`);
  };
  spans.subscribe(pass);
  request.on("close", () => spans.unsubscribe(pass));
}

function signalNumber(value: unknown): number {
  if (typeof value === "number" && Number.isInteger(value) && value > 0 && value <= 64) return value;
  throw new NkError("USAGE", `signal: expected a number from 1 to 64, found ${String(value)}`);
}
