import type { Deadline } from "../../../base/deadline.ts";
import { traced } from "../../../trace/channels.ts";
import { Answer } from "./answer.ts";
import { ApiError } from "./api-error.ts";
import type { ApiConnection, Method } from "./connection.ts";
import { faultError, type FaultContext } from "./faults.ts";
import type { HttpAnswer } from "./http-answer.ts";
import { checkFields, type FirecrackerVersion } from "./versions.ts";

/**
 * The client of Firecracker's HTTP API (src/firecracker/swagger/firecracker.yaml of Firecracker), without anything of the driver.
 *
 *     const api = await connectWhenReady(socketPath, death, deadline);         // ready.ts
 *     await putMachineConfig(api, { vcpu_count: 1, mem_size_mib: 512 }, deadline);
 *     await startInstance(api, deadline);                                      // actions.ts
 *     api.close();
 *
 * There is one file for each resource, with functions that take the client, a body in Firecracker's own spelling, and a deadline. All of them throw
 * ApiError (with code, request, Firecracker's words), and before sending UNSUPPORTED for a member that this Firecracker is too old for.
 * Requests are sent one at a time over one connection. They do not watch the process: when it has ended they fail with VMM and without a status, so
 * the owner of the process says why.
 */
export class FirecrackerApi {
  readonly version: FirecrackerVersion;
  private readonly connection: ApiConnection;

  constructor(connection: ApiConnection, version: FirecrackerVersion) {
    this.connection = connection;
    this.version = version;
  }

  /** @param why the request is made, one sentence for people who learn */
  async put(path: string, body: object, why: string, deadline: Deadline): Promise<void> {
    await this.send("PUT", path, body, why, deadline);
  }

  /** @param why as for `put` */
  async patch(path: string, body: object, why: string, deadline: Deadline): Promise<void> {
    await this.send("PATCH", path, body, why, deadline);
  }

  /** @param why as for `put` */
  async get(path: string, why: string, deadline: Deadline): Promise<Answer> {
    const { body } = await this.send("GET", path, undefined, why, deadline);
    return readAnswer(body, `GET ${path}`);
  }

  /** Ends the connection; Firecracker goes on. */
  close(): void {
    this.connection.close();
  }

  private send(
    method: Method,
    path: string,
    body: object | undefined,
    why: string,
    deadline: Deadline,
  ): Promise<HttpAnswer> {
    if (body !== undefined) checkFields(this.version, path, body);
    const text = body && JSON.stringify(body);
    const request = `${method} ${path}`;
    return traced(
      "vmm",
      request,
      { why, what: text === undefined ? request : `${request} ${text}` },
      async () => {
        const answer = await this.connection.exchange({ method, path, body: text }, deadline);
        return successful(answer, { request, body, version: this.version.text });
      },
    );
  }
}

/** @throws ApiError when the answer is not one of success */
export function successful(answer: HttpAnswer, context: FaultContext): HttpAnswer {
  if (answer.status < 300) return answer;
  throw faultError(answer, context);
}

/** @throws ApiError when `body` is no JSON object */
export function readAnswer(body: string, request: string): Answer {
  try {
    return new Answer(JSON.parse(body), request);
  } catch (error) {
    if (error instanceof ApiError) throw error;
    const found = JSON.stringify(body.slice(0, 80));
    const message = `expected JSON from Firecracker (${request}), found ${found}`;
    throw new ApiError("VMM", message, { request, status: 200, cause: error });
  }
}
