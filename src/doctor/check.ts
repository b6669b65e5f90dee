import { Deadline } from "../base/deadline.ts";
import { asNkError } from "../base/errors.ts";
import type { Finding } from "../host/finding.ts";
import type { Context } from "./context.ts";

export type Mode = "vm" | "container";

/** One thing that is looked at. It may throw: that counts as a failure with the error's message. */
export interface Check {
  group: string;
  name: string;
  /** The modes that cannot run when it fails. */
  modes: readonly Mode[];
  run: (context: Context) => Finding | Promise<Finding>;
}

export interface Result extends Finding {
  group: string;
  name: string;
  modes: readonly Mode[];
}

/** Longer than the longest trial: a tiny guest under KVM has 10 s. */
const CHECK_TIMEOUT_MS = 30_000;

/** Runs all checks at the same time; none can throw or hang. The results have the order of the checks. */
export function runChecks(
  checks: readonly Check[],
  context: Context,
  timeoutMs = CHECK_TIMEOUT_MS,
): Promise<Result[]> {
  return Promise.all(checks.map((check) => runCheck(check, context, timeoutMs)));
}

async function runCheck(
  { group, name, modes, run }: Check,
  context: Context,
  timeoutMs: number,
): Promise<Result> {
  try {
    const work = Promise.resolve(context).then(run);
    const finding = await Deadline.after(timeoutMs).race(work, `the check "${name}"`);
    return { group, name, modes, ...finding };
  } catch (error) {
    const { message, see = "see the message" } = asNkError(error);
    return { group, name, modes, status: "fail", found: message, mend: see };
  }
}
