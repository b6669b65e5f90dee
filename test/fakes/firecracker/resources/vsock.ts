import { existsSync, unlinkSync } from "node:fs";
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { dirname } from "node:path";
import { Fault } from "../http/fault.ts";
import { osError, SOCKET_PATH_MAX, SOCKET_PATH_TOO_LONG } from "../os-error.ts";
import { optional, path, required, struct, text, u32 } from "../serde/decode.ts";
import { Bridge } from "./bridge.ts";
import type { Duplex } from "node:stream";

export const vsockConfig = struct("VsockDeviceConfig", {
  vsock_id: optional(text),
  guest_cid: required(u32),
  uds_path: required(path),
});
export type VsockConfig = ReturnType<typeof vsockConfig>;

const FIRST_HOST_PORT = 2 ** 30;
const CONNECT_LINE_MAX = 32;

/** Connects to a port in the guest; undefined: nobody listens there. */
export type GuestConnect = (port: number) => Promise<Duplex | undefined>;

/** The host's side of the vsock device (docs/vsock.md of Firecracker): a Unix socket, and one per port the guest dials. */
export class Vsock {
  readonly config: VsockConfig;
  private readonly server: Server;
  private readonly bridges = new Set<Bridge>();
  private readonly waiting: Socket[] = [];
  private guest: GuestConnect | undefined;
  private nextHostPort = FIRST_HOST_PORT;
  private flow: "both" | "none" | "to-host" = "both";

  private constructor(config: VsockConfig, server: Server) {
    this.config = config;
    this.server = server;
    server.on("connection", (socket) => this.accept(socket));
  }

  /** @throws Fault */
  static async bind(config: VsockConfig): Promise<Vsock> {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
    const vsock = new Vsock(config, server);
    const complaint =
      "Vsock config error: Cannot create backend for vsock device: Error binding to the host-side Unix socket: ";
    const file = config.uds_path;
    if (Buffer.byteLength(file) > SOCKET_PATH_MAX) throw new Fault(complaint + SOCKET_PATH_TOO_LONG);
    // node says EACCES for it
    if (!existsSync(dirname(file))) throw new Fault(complaint + osError({ code: "ENOENT", errno: 2 }));
    try {
      await new Promise<void>((resolve, reject) => server.once("error", reject).listen(file, resolve));
    } catch (error) {
      throw new Fault(complaint + osError(error));
    }
    return vsock;
  }

  /** Only a PUT that replaces it takes the socket away; the end of the process leaves it. @throws Fault */
  unbind(): void {
    unlinkSync(this.config.uds_path);
    this.server.close();
  }

  /** The guest's driver is ready: those who connected meanwhile are served now. */
  attach(guest: GuestConnect): void {
    this.guest = guest;
    for (const socket of this.waiting.splice(0)) this.readConnect(socket);
  }

  /** What a guest gets that dials the host's port: undefined when nobody listens. */
  async dialHost(port: number): Promise<Socket | undefined> {
    const socket = createConnection({ path: `${this.config.uds_path}_${port}`, allowHalfOpen: true });
    return new Promise((resolve) => {
      socket.once("connect", () => resolve(socket));
      socket.once("error", () => resolve(undefined));
    });
  }

  bridge(host: Socket, guest: Duplex): void {
    const bridge = new Bridge(host, guest, () => this.bridges.delete(bridge));
    this.bridges.add(bridge);
    bridge.setFlow(this.flow);
  }

  pause(): void {
    this.setFlow("none");
  }

  /** `deaf`: from now on nothing of the host reaches the guest any more. */
  resume(deaf: boolean): void {
    this.setFlow(deaf ? "to-host" : "both");
    if (!deaf) for (const socket of this.waiting.splice(0)) this.readConnect(socket);
  }

  private setFlow(flow: "both" | "none" | "to-host"): void {
    this.flow = flow;
    for (const bridge of this.bridges) bridge.setFlow(flow);
  }

  private accept(socket: Socket): void {
    socket.on("error", () => socket.destroy());
    if (this.guest === undefined || this.flow !== "both") this.waiting.push(socket);
    else this.readConnect(socket);
  }

  /** The line must come in one write: what is not whole at the first read is refused. */
  private readConnect(socket: Socket): void {
    socket.once("data", (data) => {
      socket.pause();
      const end = data.indexOf("\n") + 1;
      const line = data.toString("latin1", 0, end);
      const port = /^connect\s+(\d+)\s*\n$/i.exec(line)?.[1];
      if (end > CONNECT_LINE_MAX || port === undefined || Number(port) > 0xffff_ffff) socket.destroy();
      else void this.connectGuest(socket, Number(port), data.subarray(end));
    });
    socket.once("end", () => socket.end());
    socket.resume();
  }

  private async connectGuest(socket: Socket, port: number, early: Buffer): Promise<void> {
    const guest = await this.guest?.(port);
    if (guest === undefined) {
      socket.destroy();
      return;
    }
    socket.write(`OK ${this.nextHostPort}\n`);
    this.nextHostPort += 1;
    if (early.length > 0) guest.write(early);
    this.bridge(socket, guest);
  }
}
