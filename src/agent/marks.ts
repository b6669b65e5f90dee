import { randomBytes } from "../base/random.ts";
import { NkError } from "../base/errors.ts";
import { FrameType, HEADER_BYTES } from "./frame-codec.ts";

/** By what the two ends know each other again on a later connection (protocol/agent-protocol.md, "A later connection"). */
export interface Marks {
  host: string;
  agent: string;
}

const MARK_BYTES = 16;
/** What was on its way on the connection before may come first: more than an agent keeps for its host, which is 1 MiB and a frame. */
const MAX_STRAY_BYTES = 4 * 1024 * 1024;
const HELLO = '{"event":"hello"';

export function newMarks(): Marks {
  const [host, agent] = [MARK_BYTES, MARK_BYTES].map((bytes) => randomBytes(bytes).toString("hex"));
  return { host: host as string, agent: agent as string };
}

/** The host's first bytes on a later connection, to be written at once. */
export function hostMark({ host }: Marks, connection: number): Buffer {
  return Buffer.from(`${host}${connection.toString(16).padStart(8, "0")}`);
}

/** Finds the hello that answers the host's mark, behind what is left of the connection before. */
export class HelloSearch {
  private readonly ours: string;
  private readonly wanted: Buffer;
  private stray = 0;
  private rest = Buffer.alloc(0);

  constructor({ agent }: Marks, connection: number) {
    this.ours = `${HELLO},"mark":"${agent}"`;
    this.wanted = Buffer.from(`${this.ours},"connection":${connection},`);
  }

  /** The bytes from that hello's frame on, once it has come. @throws PROTOCOL when another guest says hello, or nobody does */
  push(chunk: Buffer): Buffer | undefined {
    const bytes = Buffer.concat([this.rest, chunk]);
    const at = bytes.indexOf(this.wanted);
    if (at >= HEADER_BYTES) return bytes.subarray(at - HEADER_BYTES);
    if (this.stray === 0 && this.isForeign(bytes)) {
      throw new NkError(
        "PROTOCOL",
        "another guest said hello on the agent's new connection: expected the mark that this VM's agent was given, found none or another",
      );
    }
    const kept = Math.min(bytes.length, HEADER_BYTES + this.wanted.length - 1);
    // The first bytes are looked at as a whole.
    if (this.stray > 0 || bytes.length > kept) this.stray += bytes.length - kept;
    if (this.stray > MAX_STRAY_BYTES) {
      throw new NkError(
        "PROTOCOL",
        `expected the agent's hello on its new connection, found ${this.stray} bytes of something else`,
      );
    }
    this.rest = bytes.subarray(bytes.length - kept);
    return undefined;
  }

  private isForeign(bytes: Buffer): boolean {
    if (bytes.length < HEADER_BYTES || bytes[4] !== FrameType.control) return false;
    const end = HEADER_BYTES + Math.min(bytes.readUInt32LE(0), this.ours.length);
    const text = bytes.toString("latin1", HEADER_BYTES, end);
    return bytes.length >= end && text.startsWith(HELLO) && text !== this.ours;
  }
}
