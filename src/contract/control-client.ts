import { Agent, request as httpRequest } from "node:http";
import type { Socket } from "node:net";
import { NkError, type ErrorJson } from "../base/errors.ts";
import { formatExact } from "../base/exact-json.ts";

/** One connection to a monitor's control socket. */
export class ControlClient {
  private readonly socketPath: string;
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 1 });
  private socket: Socket | undefined;

  constructor(socketPath: string) {
    this.socketPath = socketPath;
  }

  /** @throws what the monitor threw; NOT_FOUND when no monitor listens. */
  async request(method: "GET" | "POST", path: string, body?: unknown): Promise<unknown> {
    const text = body === undefined ? "" : formatExact(body);
    const { status, answer } = await this.exchange(method, path, text);
    const value: unknown = JSON.parse(answer);
    if (status >= 400) throw NkError.fromJson((value as { error: ErrorJson }).error);
    return value;
  }

  /** Resolves when the monitor has closed the connection: after `POST /end`, when its process has ended. */
  async gone(): Promise<void> {
    const { socket } = this;
    if (!socket || socket.closed) return;
    // An idle connection of an http agent does not keep node alive by itself.
    socket.ref();
    await new Promise((resolve) => {
      socket.once("close", resolve);
    });
  }

  close(): void {
    this.agent.destroy();
  }

  private exchange(method: string, path: string, body: string): Promise<{ status: number; answer: string }> {
    return new Promise((resolve, reject) => {
      const request = httpRequest(
        {
          socketPath: this.socketPath,
          agent: this.agent,
          method,
          path,
          headers: { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.on("error", reject);
          response.on("end", () =>
            resolve({ status: response.statusCode ?? 500, answer: Buffer.concat(chunks).toString("utf8") }),
          );
        },
      );
      request.on("socket", (socket) => {
        this.socket = socket;
      });
      request.on("error", (cause) =>
        reject(
          new NkError(
            "NOT_FOUND",
            `the container's monitor does not answer on ${this.socketPath}: ${cause.message}`,
            { cause },
          ),
        ),
      );
      request.end(body);
    });
  }
}
