import { NkError, type ErrorCode } from "../base/errors.ts";
import { tail, text, type Untrusted } from "./messages.ts";

interface Pending {
  type: string;
  resolve: (answer: Untrusted) => void;
  reject: (error: NkError) => void;
}

/** The connection broke before the answer came. */
export class BrokenRequest extends NkError {
  /** It has come to the guest. */
  readonly mayBeDone: boolean;

  constructor(type: string, mayBeDone: boolean) {
    const outcome = mayBeDone
      ? "it is not known whether it was done"
      : "it was not done, since it did not reach the guest";
    super("AGENT", `the connection to the agent broke before "${type}" was answered; ${outcome}`);
    this.mayBeDone = mayBeDone;
  }
}

/** Requests that wait for their answers. */
export class Requests {
  private readonly pending = new Map<number, Pending>();

  add(seq: number, pending: Pending): void {
    this.pending.set(seq, pending);
  }

  drop(seq: number): void {
    this.pending.delete(seq);
  }

  /** A late answer, or one to a request that was never made, is for nobody. */
  settle(answer: Untrusted): void {
    const { seq } = answer;
    if (typeof seq === "number") this.pending.get(seq)?.resolve(answer);
  }

  /** The connection broke. @param lastSeq of the requests that have come to the agent */
  failUnanswered(lastSeq: number): void {
    for (const [seq, { type, reject }] of this.pending) reject(new BrokenRequest(type, seq <= lastSeq));
    this.pending.clear();
  }

  failAll(reason: NkError): void {
    for (const { reject } of this.pending.values()) reject(reason);
    this.pending.clear();
  }
}

/** The agent's codes that are ours as well; all others are AGENT. */
const CODES = new Set<unknown>(["NOT_FOUND", "EXISTS", "BAD_STATE", "UNSUPPORTED", "RUNTIME"]);

export function agentError(type: string, message: Untrusted): NkError {
  const code = CODES.has(message["code"]) ? (message["code"] as ErrorCode) : "AGENT";
  const words = text(message["error"]) || "no reason given";
  const log = tail(message["log"]);
  return new NkError(code, words, { phase: `agent: ${type}`, ...(log && { log }) });
}
