import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { chmodSync } from "node:fs";
import { asNkError, NkError } from "../base/errors.ts";
import { formatSpanLine } from "../trace/span-line.ts";
import { spans, type Span } from "../trace/channels.ts";
import { containerOfExec, route, type Body } from "./control-routes.ts";
import type { ControlTarget } from "./control-target.ts";

/** The largest request body: a process object fits a hundred times. */
const MAX_BODY_BYTES = 4 * 1024 * 1024;

/**
 * Serves `<state>/control.sock`: HTTP/1.1, answers in JSON, errors as `{"error":{code,message,…}}`. `GET /events` is a stream of
 * server-sent events. Three requests are upgraded: `POST /containers` and `POST /containers/ID/exec` to shadow frames
 * (protocol/agent-protocol.md), `GET /console` to the bytes of the guest's console.
 */
export async function serveControl(target: ControlTarget, path: string): Promise<Server> {
  const server = createServer((request, response) => {
    if (request.url === "/events") return streamEvents(request, response);
    void answer(target, request, response);
  });
  // An idle connection is how a client learns of the monitor's end: it is never closed for being idle.
  server.keepAliveTimeout = 0;
  server.on("upgrade", (request: IncomingMessage, socket: Socket, head: Buffer) => {
    try {
      upgrade(target, request, socket, head);
    } catch (error) {
      refuse(socket, asNkError(error));
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, resolve);
  });
  chmodSync(path, 0o600);
  return server;
}

function upgrade(target: ControlTarget, request: IncomingMessage, socket: Socket, head: Buffer): void {
  const path = request.url ?? "";
  const exec = containerOfExec(target, path);
  if (exec) {
    switchProtocols(socket);
    return exec.execs.accept(socket, head, () => {
      target.machine.running();
      return exec.running();
    });
  }
  if (path === "/containers" && target.join) {
    switchProtocols(socket);
    return target.join(socket, head, Number(request.headers["nk-shadow-pid"]));
  }
  if (path !== "/console") throw new NkError("USAGE", `${path} cannot be upgraded`);
  const { vm } = target.machine.running();
  switchProtocols(socket);
  vm.attachConsole(socket);
}

function switchProtocols(socket: Socket): void {
  socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: nk-stream\r\n\r\n");
}

function refuse(socket: Socket, { message }: NkError): void {
  const length = Buffer.byteLength(message);
  socket.end(`HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: ${length}\r\n\r\n${message}`);
}

async function answer(
  target: ControlTarget,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const { method = "", url = "" } = request;
    send(response, 200, (await route(target, method, url, () => readBody(request))) ?? {});
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
    // Steps are lost to a reader that has stopped, memory is not.
    if (response.writableLength > MAX_BODY_BYTES) return;
    response.write(`event: span\ndata: ${formatSpanLine(span as Span)}\n\n`);
  };
  spans.subscribe(pass);
  request.on("close", () => spans.unsubscribe(pass));
}
