import type { ErrorCode } from "../../../../base/errors.ts";

/** What a fault of Firecracker's means. The first rule that fits counts. */
export interface FaultRule {
  /**
   * Searched in Firecracker's words. Words for error numbers are never searched: the official binaries have musl's, others glibc's. A `\n` may stand
   * in the middle of what Firecracker 1.16 says on KVM.
   */
  pattern: RegExp;
  /** And "(os error N)" with one of these. */
  osErrors?: readonly number[];
  code: ErrorCode;
  /** One line for people. `{member}` is one of the request's body or a group of the pattern, `{os}` the host's words for the error number. */
  says: string;
  /** How to mend it, added after a colon. */
  mend: string;
}

/** errno(3) */
export const OS_ERROR = {
  EPERM: 1,
  ENOENT: 2,
  ENOMEM: 12,
  EACCES: 13,
  EBUSY: 16,
  ENODEV: 19,
  EINVAL: 22,
  EADDRINUSE: 98,
};
