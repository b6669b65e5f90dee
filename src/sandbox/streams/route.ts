import type { Duplex } from "node:stream";

/**
 * What a sender may send before it is given more (protocol/agent-protocol.md, "Streams"), and the most it can ever be given: nobody can have consumed
 * what was not sent.
 */
export const MAX_CREDIT = 262_144;

/** The fixed stream ids on a shadow's link. */
export const ShadowStream = { stdin: 1, stdout: 2, stderr: 3 } as const;

/** Who has the host's end of streams: a shadow, or a connection to a socket of the host. */
export interface StreamEnd {
  /** By which frames, or bytes, go out. */
  readonly socket: Duplex;
  /** Its output is for people to read, words of ours as well. */
  readonly isProcess: boolean;
  /** Takes a frame of the guest. */
  send(type: number, streamId: number, payload: Buffer): void;
}

/** One stream, between a shadow and the guest. */
export interface Route {
  id: number;
  link: StreamEnd;
  shadowStream: number;
  /** Bytes that the stream's sender may still send: the guest, on standard input the shadow. */
  credit: number;
  /** Of data that have gone to the guest or come from it. */
  bytes: number;
  /** Standard input that waits for a connection. */
  held: Buffer[];
  /** The guest has sent EOF, on standard input CLOSE. */
  ended: boolean;
  /** The shadow has sent CLOSE, on standard input EOF. */
  left: boolean;
  /** Called when either has ended it. */
  over: () => void;
  /** Called, for each process once or more, when bytes were lost. */
  onLoss: (what: string) => void;
}
