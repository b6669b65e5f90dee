import { describeSystemError } from "./system-error.ts";

/**
 * The one error class. Every failure that a user can meet is an NkError with a stable code, so that callers
 * (and docs/errors.md) can tell failures apart without reading the words.
 */

/** Stable: a code keeps its meaning, new ones may come. docs/errors.md tells people and callers what each says. */
export const ERROR_CODES = [
  "USAGE",
  "BAD_CONFIG",
  "NOT_FOUND",
  "EXISTS",
  "BAD_STATE",
  "DAMAGED",
  "UNSUPPORTED",
  "HOST",
  "VMM",
  "BOOT",
  "SHARE",
  "NETWORK",
  "AGENT",
  "PROTOCOL",
  "RUNTIME",
  "EXEC",
  "TIMEOUT",
  "INTERNAL",
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

export interface ErrorDetails {
  /** What was under way: "boot", "agent hello", "mount rootfs" … Shown in the message when given. */
  phase?: string;
  /** The tail of the log that explains the failure, already bounded. */
  log?: string;
  /** Where to look further: a path or a command. */
  see?: string;
  cause?: unknown;
  /** Exit status of the command, where it is not that of an error: of a container that was lost. */
  exitStatus?: number;
  /** The host's runtime has written it to our standard error already: it goes to the log only. */
  shown?: boolean;
}

export class NkError extends Error {
  readonly code: ErrorCode;
  readonly phase: string | undefined;
  readonly log: string | undefined;
  readonly see: string | undefined;
  readonly exitStatus: number | undefined;
  readonly shown: boolean;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? {} : { cause: details.cause });
    this.name = "NkError";
    this.code = code;
    this.phase = details.phase;
    this.log = details.log;
    this.see = details.see;
    this.exitStatus = details.exitStatus;
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

/** Any thrown value as an NkError; what is not one already is a system error, or a defect of ours. */
export function asNkError(error: unknown): NkError {
  if (error instanceof NkError) return error;
  if (!(error instanceof Error)) return new NkError("INTERNAL", String(error));
  if (!isSystemError(error)) return new NkError("INTERNAL", error.message, { cause: error });
  return new NkError("HOST", describeSystemError(error), { cause: error });
}

function isSystemError(error: Error): error is NodeJS.ErrnoException {
  return "syscall" in error;
}
