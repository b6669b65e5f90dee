import type { ErrorJson } from "../base/errors.ts";

/** Lines that the monitor writes to the command that started it. */
export type ReportLine = { ready: true } | { error: ErrorJson } | { span: string } | { notice: string };
