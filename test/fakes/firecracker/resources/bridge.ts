import type { Socket } from "node:net";
import type { Duplex } from "node:stream";

/** One vsock connection: bytes between a socket of the host and a stream of the guest, which the VM's pause stops. */
export class Bridge {
  private readonly host: Socket;
  private readonly guest: Duplex;

  constructor(host: Socket, guest: Duplex, closed: () => void) {
    this.host = host;
    this.guest = guest;
    host.on("error", () => host.destroy());
    guest.on("error", () => guest.destroy());
    // There is no half-close from the host: its end ends both directions.
    host.once("end", () => guest.end(() => guest.destroy()));
    guest.once("close", () => host.end());
    host.once("close", () => guest.destroy());
    host.once("close", closed);
  }

  setFlow(flow: "both" | "none" | "to-host"): void {
    if (flow === "both") this.host.pipe(this.guest, { end: false });
    else this.stop(this.host, this.guest);
    if (flow === "none") this.stop(this.guest, this.host);
    else this.guest.pipe(this.host);
  }

  private stop(from: Duplex, to: Duplex): void {
    from.unpipe(to);
    from.pause();
  }
}
