import { NkError } from "./errors.ts";

/** A point in time by which a wait must end. Absolute, so it can be handed down through several waits. */
export class Deadline {
  private readonly endMs: number;

  private constructor(endMs: number) {
    this.endMs = endMs;
  }

  static after(timeoutMs: number): Deadline {
    return new Deadline(performance.now() + timeoutMs);
  }

  remainingMs(): number {
    return Math.max(0, this.endMs - performance.now());
  }

  /**
   * Settles as `promise` does, or rejects with TIMEOUT when the deadline passes first.
   * @param what is waited for; becomes part of the message.
   */
  async race<T>(promise: Promise<T>, what: string): Promise<T> {
    const timeoutMs = Math.round(this.remainingMs());
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new NkError("TIMEOUT", `${what} did not come within ${timeoutMs} ms`, { phase: what })),
        timeoutMs,
      );
    });
    try {
      return await Promise.race([promise, timeout]);
    } finally {
      clearTimeout(timer);
    }
  }
}
