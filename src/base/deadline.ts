import { NkError } from "./errors.ts";

/**
 * `NK_TIMEOUT_SCALE` stretches every deadline by a factor from 0.01 to 100: for hosts so slow that a good guest misses them, and for tests of guests
 * that never answer.
 */
export const TIMEOUT_SCALE = scaleOf(process.env["NK_TIMEOUT_SCALE"]);

function scaleOf(text: string | undefined): number {
  const scale = Number(text ?? 1);
  return scale >= 0.01 && scale <= 100 ? scale : 1;
}

/** A point in time by which a wait must end. Absolute, so it can be handed down through several waits. */
export class Deadline {
  private endMs: number;
  /** Who waits by it, in the order in which they began. */
  private readonly waits = new Set<symbol>();

  private constructor(endMs: number) {
    this.endMs = endMs;
  }

  /** @param timeoutMs before `NK_TIMEOUT_SCALE` is applied */
  static after(timeoutMs: number): Deadline {
    return new Deadline(performance.now() + timeoutMs * TIMEOUT_SCALE);
  }

  remainingMs(): number {
    return Math.max(0, this.endMs - performance.now());
  }

  /** Waits for `promise` as long as it takes: the deadline moves by that time, for all who hold it. */
  async suspend<T>(promise: Promise<T>): Promise<T> {
    const startMs = performance.now();
    try {
      return await promise;
    } finally {
      this.endMs += performance.now() - startMs;
    }
  }

  /** Sets it anew, for all who hold it or wait by it: there was a sign of progress. */
  renew(timeoutMs: number): void {
    this.endMs = performance.now() + timeoutMs * TIMEOUT_SCALE;
  }

  /**
   * Settles as `promise` does, or rejects with TIMEOUT when the deadline passes first. Of waits around each other the innermost does so, which
   * began first: what it says is more exact, and timers of the same end fire in any order.
   * @param what is waited for; becomes part of the message.
   */
  async race<T>(promise: Promise<T>, what: string): Promise<T> {
    const timeoutMs = Math.round(this.remainingMs());
    const wait = Symbol(what);
    this.waits.add(wait);
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_, reject) => {
      const check = (): void => {
        const restMs = Math.round(this.remainingMs());
        const [first] = this.waits;
        if (restMs > 0 || first !== wait) timer = setTimeout(check, restMs);
        else reject(new NkError("TIMEOUT", `${what} did not come within ${timeoutMs} ms`, { phase: what }));
      };
      timer = setTimeout(check, timeoutMs);
    });
    try {
      return await Promise.race([promise, timeout]);
    } finally {
      clearTimeout(timer);
      this.waits.delete(wait);
    }
  }
}
