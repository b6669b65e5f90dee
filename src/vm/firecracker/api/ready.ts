import { setTimeout as sleep } from "node:timers/promises";
import type { Deadline } from "../../../base/deadline.ts";
import { NkError } from "../../../base/errors.ts";
import { FirecrackerApi, readAnswer, successful } from "./api.ts";
import { ApiError } from "./api-error.ts";
import { ApiConnection } from "./connection.ts";
import type { HttpAnswer } from "./http-answer.ts";
import { checkMinimum, parseVersion } from "./versions.ts";

/** Firecracker says nothing when its socket takes connections, some 10 ms after its start. A refused connection costs 0.1 ms. */
const RETRY_MS = 2;

const VERSION = { method: "GET", path: "/version", body: undefined } as const;

/**
 * Waits until Firecracker answers on its socket, and asks for its version.
 * @param death rejects when Firecracker's process ends; the wait ends with that error then
 * @throws what `death` does, UNSUPPORTED for a Firecracker that is too old, ApiError, TIMEOUT
 */
export async function connectWhenReady(
  socketPath: string,
  death: Promise<never>,
  deadline: Deadline,
): Promise<FirecrackerApi> {
  const connection = new ApiConnection(socketPath);
  death.catch(() => {});
  try {
    const answer = await Promise.race([firstAnswer(connection, deadline), death]);
    const request = "GET /version";
    const { body } = successful(answer, { request, body: undefined, version: "of unknown version" });
    const version = parseVersion(readAnswer(body, request).text("firecracker_version"));
    checkMinimum(version);
    return new FirecrackerApi(connection, version);
  } catch (error) {
    connection.close();
    throw error;
  }
}

async function firstAnswer(connection: ApiConnection, deadline: Deadline): Promise<HttpAnswer> {
  for (;;) {
    try {
      return await connection.exchange(VERSION, deadline);
    } catch (error) {
      if (!isNotYet(error)) throw error;
      await sleep(RETRY_MS);
      if (deadline.remainingMs() < RETRY_MS) throw neverListened(connection.socketPath, error);
    }
  }
}

/** No socket yet, or one that is bound and does not listen yet. */
function isNotYet(error: unknown): boolean {
  const cause = error instanceof ApiError ? error.cause : undefined;
  const code = cause instanceof Error ? (cause as NodeJS.ErrnoException).code : undefined;
  return code === "ENOENT" || code === "ECONNREFUSED";
}

function neverListened(socketPath: string, cause: unknown): NkError {
  const message = `expected Firecracker to listen on ${socketPath}, found nobody there before the deadline`;
  return new NkError("TIMEOUT", message, { phase: "wait for Firecracker's API", cause });
}
