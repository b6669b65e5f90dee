import type { Socket } from "node:net";
import type { Deadline } from "../base/deadline.ts";
import { NkError } from "../base/errors.ts";
import type { Marks } from "./marks.ts";

/** What keeps a connection alive beyond its socket. */
export interface Lifeline {
  marks: Marks;
  /** Once for each break. @throws when the VM has ended, or TIMEOUT */
  dial(deadline: Deadline): Promise<Socket>;
  /** Settles when nobody can answer any more. */
  exited: Promise<unknown>;
  streams: LastingStreams;
}

/** Streams that outlive a break. */
export interface LastingStreams {
  /** Sends nothing, and takes nothing, until `rejoin`. */
  hold(): void;
  /** What the agent must know to go on. */
  rows(): readonly StreamRow[];
  /** Goes on. @param theirs the agent's rows @throws PROTOCOL */
  rejoin(theirs: readonly unknown[]): void;
}

/** Bytes that were sent or have come, and the credit that the receiver gives. */
export type StreamRow = readonly [id: number, bytes: number, credit: number];

/** From a break until the agent has answered on a new connection. */
export const REJOIN_TIMEOUT_MS = 10_000;

/** A guest that breaks its connection more often than so many times in so much time is ended. */
const MAX_BREAKS = 8;
const BREAKS_MS = 60_000;

/** Bounds what a guest costs that breaks its connection over and over. */
export class Breaks {
  private timesMs: number[] = [];

  /** One more. @throws PROTOCOL when it is one too many */
  count(reason: NkError): void {
    const nowMs = performance.now();
    this.timesMs = [...this.timesMs.filter((timeMs) => nowMs - timeMs < BREAKS_MS), nowMs];
    if (this.timesMs.length <= MAX_BREAKS) return;
    throw new NkError(
      "PROTOCOL",
      `the connection to the agent broke ${this.timesMs.length} times within a minute (at most ${MAX_BREAKS}): ${reason.message}`,
    );
  }
}

/** Nobody came in time. */
export function notAgain(reason: NkError): NkError {
  return new NkError(
    "AGENT",
    `${reason.message}; expected it to come again within ${REJOIN_TIMEOUT_MS} ms, found nobody who answers`,
  );
}
