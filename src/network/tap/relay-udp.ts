import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import type { TargetAddress } from "./relay-tcp.ts";

/** A peer that has sent and got nothing for so long is forgotten. */
const IDLE_MS = 60_000;
/** Each costs a socket. When there are more, the one that was silent for longest goes. */
const MAX_PEERS = 256;
/** Of what the kernel has not taken yet. Datagrams beyond are lost, as they may be. */
const MAX_QUEUED_BYTES = 256 * 1024;

interface Peer {
  socket: Socket;
  timer: NodeJS.Timeout;
}

/** Passes datagrams on, each peer's from a socket of its own, so that answers find their way. */
export class UdpRelay {
  readonly server: Socket;
  /** By address and port, the one that was silent for longest first. */
  private readonly peers = new Map<string, Peer>();
  private readonly port: number;
  private readonly target: TargetAddress;

  /** @param server of the host's port @param port of the target */
  constructor(server: Socket, port: number, target: TargetAddress) {
    this.server = server;
    this.port = port;
    this.target = target;
    server.on("message", (datagram, from) => this.pass(datagram, from));
    // Answers that cannot be sent are lost, as they may be.
    server.on("error", () => {});
  }

  get size(): number {
    return this.peers.size;
  }

  close(): void {
    for (const key of this.peers.keys()) this.forget(key);
    this.server.close();
  }

  private pass(datagram: Buffer, from: RemoteInfo): void {
    const host = this.target();
    if (host === undefined) return;
    const key = `${from.address} ${from.port}`;
    const { socket } = this.touch(key) ?? this.add(key, from, host);
    send(socket, datagram);
  }

  private touch(key: string): Peer | undefined {
    const peer = this.peers.get(key);
    if (peer === undefined) return undefined;
    peer.timer.refresh();
    this.peers.delete(key);
    this.peers.set(key, peer);
    return peer;
  }

  private add(key: string, from: RemoteInfo, host: string): Peer {
    const [oldest] = this.peers.keys();
    if (oldest !== undefined && this.peers.size >= MAX_PEERS) this.forget(oldest);
    const socket = createSocket("udp4");
    // One for each datagram that comes before it is connected.
    socket.setMaxListeners(0);
    socket.on("message", (answer) => {
      this.touch(key);
      send(this.server, answer, from.port, from.address);
    });
    // Nobody listens there, say.
    socket.on("error", () => this.forget(key));
    socket.connect(this.port, host);
    const peer = { socket, timer: setTimeout(() => this.forget(key), IDLE_MS) };
    this.peers.set(key, peer);
    return peer;
  }

  private forget(key: string): void {
    const peer = this.peers.get(key);
    if (peer === undefined) return;
    this.peers.delete(key);
    clearTimeout(peer.timer);
    peer.socket.close();
  }
}

function send(socket: Socket, datagram: Buffer, ...to: [] | [number, string]): void {
  if (socket.getSendQueueSize() > MAX_QUEUED_BYTES) return;
  if (to.length === 2) socket.send(datagram, ...to, ignore);
  else whenConnected(socket, () => socket.send(datagram, ignore));
}

function ignore(): void {}

/** Its address is one in numbers, so this takes no time; but node tells it by an event. */
function whenConnected(socket: Socket, then: () => void): void {
  try {
    socket.remoteAddress();
    then();
  } catch {
    socket.once("connect", then);
  }
}
