import type { Socket } from "node:net";
import { asNkError, NkError } from "../../base/errors.ts";
import { complain } from "../../base/logger.ts";
import { HostConnection } from "../streams/host-connection.ts";
import { ShadowStream } from "../streams/route.ts";
import type { MicroVm } from "./microvm.ts";

/** At a time. The guest's credit bounds what each costs. */
const MAX_CONNECTIONS = 64;

/** Connections of the host to TCP ports of the guest's loopback device. */
export class GuestPorts {
  private readonly microvm: MicroVm;
  private held = 0;

  constructor(microvm: MicroVm) {
    this.microvm = microvm;
  }

  /**
   * Connects a client: its bytes are the server's from then on. Where nobody listens its connection ends.
   * @param accept takes the client's connection
   * @throws BAD_STATE while the VM does not run, or when there are too many
   */
  connect(port: number, accept: () => { socket: Socket; head: Buffer }): void {
    this.microvm.running();
    if (this.held >= MAX_CONNECTIONS)
      throw new NkError("BAD_STATE", `expected at most ${MAX_CONNECTIONS} connections to ports of the guest`);
    const { socket, head } = accept();
    if (head.length > 0) socket.unshift(head);
    const which = [ShadowStream.stdin, ShadowStream.stdout];
    const link = new HostConnection(socket, (end, onLoss) =>
      this.microvm.router.openStreams(end, which, onLoss),
    );
    this.held += 1;
    void link.closed.then(() => (this.held -= 1));
    void this.begin(port, link);
  }

  private async begin(port: number, link: HostConnection): Promise<void> {
    try {
      const { agent } = this.microvm.running();
      await agent.connected();
      await agent.connect(port, link.numbers);
      link.begin();
    } catch (error) {
      link.destroy();
      // Nobody listens: a matter between the client and the container.
      if (asNkError(error).code !== "NOT_FOUND") complain(error);
    }
  }
}
