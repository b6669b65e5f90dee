import { defaultRoute } from "../../agent/default-route.ts";
import type { GuestAddress, GuestNetwork } from "../../agent/guest-network.ts";
import { networkFiles } from "../files.ts";
import { addressAt, broadcastOf, type Prefix } from "../ip-address.ts";
import { gatewayOf, listSubnets } from "./subnets.ts";
import type { Taken } from "./take.ts";

/** What the card is called in every guest. */
const CARD = "eth0";
/** Of rtnetlink(7). */
const RT_SCOPE_UNIVERSE = 0;

/** What the guest is told: an address and a default route of each family, and who the gateway is, so that nobody has to ask. */
export function guestNetwork({ lease, bridge }: Taken, hostname: string): GuestNetwork {
  const { subnets, mac, mtu } = bridge;
  const prefixes = listSubnets(subnets);
  return {
    links: [
      {
        name: CARD,
        mac: lease.mac,
        mtu,
        isUp: true,
        isCard: true,
        acceptRa: false,
        addresses: prefixes.map((prefix) => addressOf(prefix, lease.number)),
      },
    ],
    routes: prefixes.map((prefix) => defaultRoute(CARD, gatewayOf(prefix))),
    rules: [],
    neighbours: prefixes.map((prefix) => ({ link: CARD, address: gatewayOf(prefix), mac })),
    files: networkFiles(
      hostname,
      prefixes.map((prefix) => addressAt(prefix, lease.number)),
    ),
  };
}

function addressOf(prefix: Prefix, number: number): GuestAddress {
  return {
    address: addressAt(prefix, number),
    prefix: prefix.bits,
    ...(prefix.family === 4 && { broadcast: broadcastOf(prefix) }),
    scope: RT_SCOPE_UNIVERSE,
  };
}
