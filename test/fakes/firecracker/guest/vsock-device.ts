import { once } from "node:events";
import { createConnection, createServer, type Socket } from "node:net";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import type { Vsock } from "../resources/vsock.ts";
import { BUILD, startDaemon } from "./daemon.ts";

/** Names of its sockets, which are abstract: there are no files to be left behind. */
const NAME = `nk-fake-firecracker-${process.pid}`;
export const VHOST_SOCKET = `${NAME}-vhost`;

/**
 * The vsock of a guest that QEMU runs: test/fakes/vsock-device is the device, and we are the host's side of it. It asks us for each port that the
 * guest dials, and we ask it for ports of the guest; either is a Unix socket, on which '+' says yes.
 */
export class VsockDevice {
  /** Resolves once QEMU can connect to it. */
  static async start(vsock: Vsock): Promise<VsockDevice> {
    const dialed = createServer({ allowHalfOpen: true, pauseOnConnect: true });
    dialed.on("connection", (guest: Socket) => void answerGuest(vsock, guest));
    dialed.listen(`\0${NAME}-dial`);
    await once(dialed, "listening");
    const command = [join(BUILD, "fakes/vsock-device"), NAME, String(vsock.config.guest_cid)];
    const device = startDaemon(command, ["inherit", "pipe", "inherit"]);
    const ready = device.stdout === null ? Promise.resolve() : once(device.stdout, "data");
    const ended = once(device, "exit").then(() => {
      throw new Error("the vsock device ended: make -C test/fakes/vsock-device");
    });
    ended.catch(() => {});
    await Promise.race([ready, ended]);
    return new VsockDevice();
  }

  /** Undefined: nobody in the guest listens. */
  async connect(port: number): Promise<Duplex | undefined> {
    const socket = createConnection({ path: `\0${NAME}-connect`, allowHalfOpen: true });
    socket.write(`${port}\n`);
    const answer = await firstBytes(socket, 1);
    return answer === "+" ? socket : undefined;
  }
}

async function answerGuest(vsock: Vsock, guest: Socket): Promise<void> {
  guest.on("error", () => guest.destroy());
  const port = Number(await firstLine(guest));
  const host = await vsock.dialHost(port);
  if (host === undefined) {
    guest.destroy();
    return;
  }
  guest.write("+");
  vsock.bridge(host, guest);
}

/** So many bytes, or those up to the end; what follows stays to be read. */
async function firstBytes(socket: Socket, count: number): Promise<string> {
  for (;;) {
    const bytes = socket.read(count) as Buffer | null;
    if (bytes !== null) return bytes.toString();
    if (socket.readableEnded || socket.destroyed) return "";
    await Promise.race([once(socket, "readable"), once(socket, "end"), once(socket, "close")]);
  }
}

async function firstLine(socket: Socket): Promise<string> {
  let line = "";
  for (;;) {
    const next = await firstBytes(socket, 1);
    if (next === "" || next === "\n") return line;
    line += next;
  }
}
