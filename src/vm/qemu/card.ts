import { existsSync } from "node:fs";
import type { ConfinedTap } from "../../host/confinement.ts";
import { FIRST_MAC } from "../card.ts";
import type { CardBackend, CardShape } from "../shape.ts";

const VHOST_NET = "/dev/vhost-net";
/** Of a tap; native/confine/tap.h has the same limit. */
const MAX_QUEUES = 8;
/** Descriptors of the tap in QEMU, then those of vhost. */
const FIRST_FD = 8;

/** What a card is with QEMU on this host. */
export function cardShape(backend: CardBackend, vcpus: number): CardShape {
  if (backend === "user") return { backend, queues: 1, isVhost: false };
  return { backend, queues: Math.min(vcpus, MAX_QUEUES), isVhost: existsSync(VHOST_NET) };
}

/** The tap that `nk-shadow confine` makes for it. */
export function confinedTap({ queues, isVhost }: CardShape): ConfinedTap {
  return { fd: FIRST_FD, queues, isVhost };
}

/** The device, and what is behind it. Offloads are on by default, and are offered to the guest as far as the tap has them. */
export function cardArgs({ queues, isVhost }: CardShape): string[] {
  const fds = (first: number): string => Array.from({ length: queues }, (_, n) => first + n).join(":");
  const many = queues > 1 ? "s" : "";
  const vhost = isVhost ? `,vhost=on,vhostfd${many}=${fds(FIRST_FD + queues)}` : "";
  return [
    "-netdev",
    `tap,id=net,fd${many}=${fds(FIRST_FD)}${vhost}`,
    "-device",
    `virtio-net-device,netdev=net,mac=${FIRST_MAC}${queues > 1 ? ",mq=on" : ""}`,
  ];
}
