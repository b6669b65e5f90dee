import { Agent, request as httpRequest } from "node:http";
import { NkError, type ErrorJson } from "../base/errors.ts";

/**
 * One connection to a monitor's control socket. `gone` settles when the monitor has closed it, which for `POST /end` is when the monitor's
 * process has ended.
 */
export class ControlClient {
  private readonly socketPath: string;
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly gone: Promise<void>;
  private resolveGone: () => void = () => {};

  constructor(socketPath: string) {
    this.socketPath = socketPath;
    this.gone = new Promise((resolve) => {
      this.resolveGone = resolve;
    });
  }

  /** @throws what the monitor threw; NOT_FOUND when no monitor listens. */
  async request(method: "GET" | "POST", path: string, body?: unknown): Promise<unknown> {
    const text = body === undefined ? "" : JSON.stringify(body);
    const answer = await this.exchange(method, path, text);
    const value = JSON.parse(answer) as { error?: ErrorJson };
    if (value.error) throw NkError.fromJson(value.error);
    return value;
  }

  close(): void {
    this.agent.destroy();
  }

  private exchange(method: string, path: string, body: string): Promise<string> {
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
          response.on("end", () => resolve(Buffer.concat(chunks).toString("utf8")));
        },
      );
      request.on("socket", (socket) => socket.once("close", () => this.resolveGone()));
      request.on("error", (cause) =>
        reject(
          new NkError("NOT_FOUND", `the container's monitor does not answer on ${this.socketPath}: ${cause.message}`, { cause }),
        ),
      );
      request.end(body);
    });
  }
}
