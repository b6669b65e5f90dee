import type { Socket } from "node:net";
import type { Body } from "./routes.ts";

/** A connection that was taken over, and what the client had sent behind its request. */
export interface Accepted {
  socket: Socket;
  head: Buffer;
}

/** What a control socket shows of what is behind it now: a VM that waits, then the sandbox that it has become. */
export interface ControlSurface {
  /** @throws USAGE for an unknown request, and what the operation throws */
  request(method: string, path: string, readBody: () => Promise<Body>): Promise<unknown>;
  /**
   * Takes over the connection of a request that is to be upgraded.
   * @param accept says yes to the client; to be called once nothing can be thrown any more
   * @throws what the client is told
   */
  upgrade(path: string, headers: NodeJS.Dict<string | string[]>, accept: () => Accepted): void;
}
