import type { Socket } from "node:net";
import type { Deadline } from "../../base/deadline.ts";
import type { Owner } from "./place.ts";
import { listenForGuest, type GuestListener } from "./vsock.ts";

/** The port of CID 2 that the agent dials (protocol/agent-protocol.md). */
const AGENT_PORT = 52;

/**
 * Takes the agent's connections, one at a time. The guest dials when it likes, also again after it has lost one; a connection that nobody waits for yet
 * is kept, and a newer one replaces it: the agent has given the older one up.
 */
export class AgentListener {
  private listener: GuestListener | undefined;
  private kept: Socket | undefined;
  private take: ((socket: Socket) => void) | undefined;

  /** To be called before the guest runs. @param udsPath of the vsock device, as seen from us; @throws as `listenForGuest` */
  async listen(udsPath: string, owner: Owner | undefined): Promise<void> {
    this.listener = await listenForGuest(udsPath, AGENT_PORT, {
      ...(owner && { owner }),
      onConnection: (socket) => this.arrived(socket),
    });
  }

  /** The next connection, or the one that has come already. */
  async next(deadline: Deadline, what: string): Promise<Socket> {
    const { kept } = this;
    this.kept = undefined;
    if (kept && !kept.destroyed) return kept;
    const coming = new Promise<Socket>((resolve) => {
      this.take = resolve;
    });
    return deadline.race(coming, what).catch((error: unknown) => {
      // One that comes later is kept for the next call.
      this.take = undefined;
      throw error;
    });
  }

  close(): void {
    this.kept?.destroy();
    this.kept = undefined;
    this.listener?.close();
  }

  private arrived(socket: Socket): void {
    const { take } = this;
    this.take = undefined;
    if (take) {
      take(socket);
      return;
    }
    this.kept?.destroy();
    this.kept = socket;
  }
}
