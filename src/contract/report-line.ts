import type { ErrorJson } from "../base/errors.ts";

/**
 * Lines that the monitor writes to the command that started it: `listening` when its control socket takes containers, `ready` when what it was
 * started for is there, or `error`; steps, notices and warnings between.
 */
export type ReportLine =
  | { listening: true }
  | { ready: true }
  | { error: ErrorJson }
  | { span: string }
  | { notice: string }
  | { warning: string };
