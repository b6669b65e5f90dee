import { createConnection, type Socket } from "node:net";
import type { Vsock } from "../resources/vsock.ts";
import { dialHost } from "./host-dialer.ts";
import { AGENT_SOCKET } from "./qemu-command.ts";

/** Joins the agent's virtio-serial port to the socket that the host has for the agent's vsock port. */
export class SerialPortAgent {
  private readonly vsock: Vsock;
  private dialing = false;

  constructor(vsock: Vsock) {
    this.vsock = vsock;
  }

  /** The agent has opened its port: it wants the host. It does so again after each connection. */
  portOpened(): void {
    if (this.dialing) return;
    this.dialing = true;
    void this.join().finally(() => {
      this.dialing = false;
    });
  }

  private async join(): Promise<void> {
    const host = await dialHost(this.vsock);
    const port: Socket = createConnection({ path: `\0${AGENT_SOCKET}` });
    this.vsock.bridge(host, port);
  }
}
