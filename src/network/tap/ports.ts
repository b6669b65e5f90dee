import { createSocket } from "node:dgram";
import { once, type EventEmitter } from "node:events";
import { existsSync } from "node:fs";
import { NkError } from "../../base/errors.ts";
import { reasonOf } from "../../base/system-error.ts";
import type { Publication } from "../network.ts";
import { formatPublication } from "../publication.ts";
import { relayTcp, type TargetAddress } from "./relay-tcp.ts";
import { UdpRelay } from "./relay-udp.ts";

const BACKLOG = 512;

/**
 * The host's ports that are published, held by sockets: who else wants one is told so, and what the host's rules do not lead to the container (from ::1,
 * say) is passed on by them.
 */
export class HeldPorts {
  private readonly closers: (() => void)[] = [];
  private target: string | undefined;

  /** @throws NETWORK, with none held */
  static async hold(publications: readonly Publication[]): Promise<HeldPorts> {
    const ports = new HeldPorts();
    try {
      for (const publication of publications) await ports.add(publication);
    } catch (error) {
      ports.close();
      throw error;
    }
    return ports;
  }

  /** @param address of the container. Before that, connections are reset. */
  leadTo(address: string): void {
    this.target = address;
  }

  close(): void {
    for (const close of this.closers.splice(0)) close();
  }

  private async add(publication: Publication): Promise<void> {
    const target: TargetAddress = () => this.target;
    try {
      this.closers.push(await (publication.protocol === "tcp" ? holdTcp : holdUdp)(publication, target));
    } catch (error) {
      throw notHeld(publication, error);
    }
  }
}

async function holdTcp({ address, hostPort, port }: Publication, target: TargetAddress): Promise<() => void> {
  const { server, close } = relayTcp(port, target);
  server.listen({
    host: address ?? anyAddress(),
    port: hostPort,
    ipv6Only: address !== undefined,
    exclusive: true,
    backlog: BACKLOG,
  });
  await listening(server);
  server.on("error", () => {});
  return close;
}

async function holdUdp({ address, hostPort, port }: Publication, target: TargetAddress): Promise<() => void> {
  const host = address ?? anyAddress();
  // node hands the option on with IPv4 as well, and the system call then fails with EINVAL.
  const socket = createSocket(
    host.includes(":") ? { type: "udp6", ipv6Only: address !== undefined } : { type: "udp4" },
  );
  socket.bind({ address: host, port: hostPort, exclusive: true });
  await listening(socket);
  const relay = new UdpRelay(socket, port, target);
  return () => relay.close();
}

/** Rejects with what its "error" says. */
async function listening(socket: EventEmitter): Promise<void> {
  await once(socket, "listening");
}

/** Of IPv6 and IPv4, where the kernel has both. */
function anyAddress(): string {
  return existsSync("/proc/net/if_inet6") ? "::" : "0.0.0.0";
}

function notHeld(publication: Publication, error: unknown): NkError {
  const what = `cannot publish ${formatPublication(publication)}`;
  const { address, hostPort, protocol } = publication;
  const place = `port ${hostPort}/${protocol}${address === undefined ? "" : ` of ${address}`}`;
  const words: Record<string, string> = {
    EADDRINUSE: `${place} is in use on this host: take another, or end what has it ("ss -lnp" shows it)`,
    EADDRNOTAVAIL: `this host does not have the address ${address}: "ip address" shows those that it has`,
    EACCES: `${place} needs CAP_NET_BIND_SERVICE: run it as root, or take a port from 1024 on`,
  };
  const code = (error as NodeJS.ErrnoException).code ?? "";
  return new NkError("NETWORK", `${what}: ${words[code] ?? reasonOf(error)}`, { cause: error });
}
