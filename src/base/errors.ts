/**
 * The one error class. Every failure that a user can meet is an NkError with a stable code, so that callers
 * (and docs/errors.md) can tell failures apart without reading the words.
 */

export type ErrorCode =
  | "USAGE" // argv is wrong
  | "BAD_CONFIG" // config.json, settings or annotations are wrong
  | "NOT_FOUND" // no such container
  | "EXISTS" // the id is taken
  | "BAD_STATE" // the operation is not allowed in this state
  | "UNSUPPORTED" // asked for something that this mode, VMM or kernel cannot do
  | "HOST" // the host lacks something, or a system call failed
  | "VMM" // the VMM failed to start, or died
  | "BOOT" // the guest did not come up
  | "AGENT" // the agent refused or failed
  | "PROTOCOL" // the guest broke the protocol
  | "RUNTIME" // the in-VM or host runtime refused
  | "EXEC" // the container's program could not be started
  | "TIMEOUT" // a deadline passed
  | "INTERNAL"; // a defect of ours

export interface ErrorDetails {
  /** What was under way: "boot", "agent hello", "mount rootfs" … Shown in the message when given. */
  phase?: string;
  /** The tail of the log that explains the failure, already bounded. */
  log?: string;
  /** Where to look further: a path or a command. */
  see?: string;
  cause?: unknown;
  /** The host's runtime has written it to our standard error already: it goes to the log only. */
  shown?: boolean;
}

export class NkError extends Error {
  readonly code: ErrorCode;
  readonly phase: string | undefined;
  readonly log: string | undefined;
  readonly see: string | undefined;
  readonly shown: boolean;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? {} : { cause: details.cause });
    this.name = "NkError";
    this.code = code;
    this.phase = details.phase;
    this.log = details.log;
    this.see = details.see;
    this.shown = details.shown ?? false;
  }

  /** For the control socket: an error crosses process borders as this and comes back by `fromJson`. */
  toJson(): ErrorJson {
    const { code, message, phase, log, see } = this;
    return { code, message, ...(phase && { phase }), ...(log && { log }), ...(see && { see }) };
  }

  static fromJson(json: ErrorJson): NkError {
    return new NkError(json.code, json.message, json);
  }
}

export interface ErrorJson {
  code: ErrorCode;
  message: string;
  phase?: string;
  log?: string;
  see?: string;
}

/** Any thrown value as an NkError; what is not one already is a defect or a system error. */
export function asNkError(error: unknown): NkError {
  if (error instanceof NkError) return error;
  if (error instanceof Error) {
    const code = "syscall" in error ? "HOST" : "INTERNAL";
    return new NkError(code, error.message, { cause: error });
  }
  return new NkError("INTERNAL", String(error));
}
