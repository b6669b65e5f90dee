import { NkError, type ErrorCode } from "../../../base/errors.ts";

export interface ApiErrorDetails {
  /** Method and path: "PUT /drives/d0". */
  request: string;
  /** HTTP status; undefined when there was no answer. */
  status?: number;
  /** Firecracker's own words. */
  said?: string;
  cause?: unknown;
}

/** More than any fault of Firecracker's; what it says repeats what was sent. */
const MAX_SAID_LENGTH = 2000;

/**
 * A request to Firecracker that failed. Its phase is the request, its log has Firecracker's own words. `status` undefined says that no answer came:
 * Firecracker may have ended, which its parent knows better.
 */
export class ApiError extends NkError {
  readonly request: string;
  readonly status: number | undefined;
  readonly said: string | undefined;

  constructor(code: ErrorCode, message: string, { request, status, said, cause }: ApiErrorDetails) {
    const words = said?.slice(0, MAX_SAID_LENGTH);
    super(code, message, {
      phase: request,
      ...(words && { log: `Firecracker said: ${words}` }),
      ...(cause !== undefined && { cause }),
    });
    this.request = request;
    this.status = status;
    this.said = words;
  }
}
