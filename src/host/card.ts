import { NkError } from "../base/errors.ts";
import type { NetDevice } from "./net-device.ts";

/** The host's end of a VM's network card: where it is connected. */
export type Card = NetDevice | FrameSocket | OwnNetwork;

/** The VMM waits at a socket for a program that carries the card's frames. */
export interface FrameSocket {
  /** Path of a Unix socket: each frame is behind its length, four bytes with the highest first (QEMU, `-netdev stream`). */
  socket: string;
  /** The program, an absolute path. */
  program: string;
}

/** The VMM has a network of its own, in which the card is: that of user-net.ts. */
export interface OwnNetwork {
  /** Leads a port of the host to one of the guest, as long as the VMM is there. @throws NETWORK */
  forward(port: ForwardedPort): Promise<void>;
}

export interface ForwardedPort {
  protocol: "tcp" | "udp";
  /** IPv4; undefined: all addresses. */
  address?: string;
  hostPort: number;
  port: number;
}

/** The card of a VM that was started with a tap. @throws INTERNAL for any other */
export function asTap(card: Card | undefined): NetDevice {
  if (card !== undefined && "netns" in card) return card;
  throw new NkError("INTERNAL", "expected a VM with a tap, found one with another network card, or none");
}
