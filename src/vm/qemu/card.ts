import { existsSync, realpathSync } from "node:fs";
import { join } from "node:path";
import type { ForwardedPort } from "../../host/card.ts";
import type { ConfinedFile, ConfinedTap } from "../../host/confinement.ts";
import { USER_NET } from "../../host/user-net.ts";
import { FIRST_MAC } from "../card.ts";
import type { CardShape, TapCard } from "../shape.ts";

const VHOST_NET = "/dev/vhost-net";
/** Of a tap; native/confine/tap.h has the same limit. */
const MAX_QUEUES = 8;
/** Descriptors of the tap in QEMU, then those of vhost; or the socket that listens for passt. */
export const CARD_FD = 8;
const RESOLV_CONF = "/etc/resolv.conf";

/** What a card on a tap is with QEMU on this host. */
export function tapCard(vcpus: number): TapCard {
  return { backend: "tap", queues: Math.min(vcpus, MAX_QUEUES), isVhost: existsSync(VHOST_NET) };
}

/** The tap that `nk-shadow confine` makes for it. */
export function confinedTap({ queues, isVhost }: TapCard): ConfinedTap {
  return { fd: CARD_FD, queues, isVhost };
}

export function cardSocketPath(stateDir: string): string {
  return join(stateDir, "card.sock");
}

/** Where QEMU's own network finds the resolvers that it asks for the guest. */
export function resolvConf(): ConfinedFile[] {
  if (!existsSync(RESOLV_CONF)) return [];
  return [{ source: realpathSync(RESOLV_CONF), name: RESOLV_CONF, readOnly: true }];
}

/** The device, and what is behind it. */
export function cardArgs(card: CardShape): string[] {
  const more = card.backend === "tap" && card.queues > 1 ? ",mq=on" : "";
  const device = `virtio-net-device,netdev=net,mac=${FIRST_MAC}${more}`;
  return ["-netdev", backend(card), "-device", device];
}

/** Of QEMU's monitor: netdev, protocol and both ends. */
export function forwarding({ protocol, address = "", hostPort, port }: ForwardedPort): string {
  return `net ${protocol}:${address}:${hostPort}-${USER_NET.v4.guest}:${port}`;
}

function backend(card: CardShape): string {
  if (card.backend === "tap") return tapBackend(card);
  // It takes one connection at a time.
  if (card.backend === "passt") return `stream,id=net,server=on,addr.type=fd,addr.str=${CARD_FD}`;
  const { v4, v6 } = USER_NET;
  const own4 = `net=${v4.network}/${v4.prefix},host=${v4.gateway},dns=${v4.resolver}`;
  const own6 = `ipv6-prefix=${v6.network},ipv6-prefixlen=${v6.prefix},ipv6-host=${v6.gateway},ipv6-dns=${v6.resolver}`;
  return `user,id=net,${own4},${own6}`;
}

/** Offloads are on by default, and are offered to the guest as far as the tap has them. */
function tapBackend({ queues, isVhost }: TapCard): string {
  const fds = (first: number): string => Array.from({ length: queues }, (_, n) => first + n).join(":");
  const many = queues > 1 ? "s" : "";
  const vhost = isVhost ? `,vhost=on,vhostfd${many}=${fds(CARD_FD + queues)}` : "";
  return `tap,id=net,fd${many}=${fds(CARD_FD)}${vhost}`;
}
