import type { GuestAddress } from "../../agent/guest-network.ts";
import { Fields } from "./fields.ts";

/** An interface of a network namespace. */
export interface LinkState {
  index: number;
  name: string;
  isUp: boolean;
  isLoopback: boolean;
  /** Its frames are Ethernet's. */
  isEthernet: boolean;
  /** "veth", "macvlan"; a card of hardware has none. */
  kind?: string;
  mac?: string;
  mtu: number;
  /** Of what it is a port. */
  master?: string;
  /** A text that somebody has put there. */
  alias?: string;
  addresses: AddressState[];
}

export interface AddressState {
  family: 4 | 6;
  /** As a guest is told. */
  told: GuestAddress;
  /** The kernel has it from a router, or made it from what a router said, for a time. */
  isLent: boolean;
  /** Another machine has it: it cannot be used. */
  isTaken: boolean;
}

/** ARPHRD_ETHER: "[1]" with -N. */
const ETHERNET = new Set(["[1]", "ether"]);

/** Of `ip -N -j -d addr`. @throws NETWORK */
export function parseLinks(json: unknown): LinkState[] {
  return Fields.list(json, "ip addr").map((link) => {
    const flags = link.texts("flags");
    const isEthernet = ETHERNET.has(link.text("link_type"));
    const kind = link.has("linkinfo") ? kindOfLink(link) : undefined;
    return {
      index: link.number("ifindex"),
      name: link.text("ifname"),
      isUp: flags.includes("UP"),
      isLoopback: flags.includes("LOOPBACK"),
      isEthernet,
      ...(kind !== undefined && { kind }),
      ...(isEthernet && { mac: link.text("address") }),
      mtu: link.number("mtu"),
      ...(link.has("master") && { master: link.text("master") }),
      ...(link.has("ifalias") && { alias: link.text("ifalias") }),
      addresses: link.list("addr_info").flatMap(parseAddress),
    };
  });
}

function kindOfLink(link: Fields): string | undefined {
  return link.object("linkinfo").optionalText("info_kind");
}

function parseAddress(address: Fields): AddressState[] {
  const family = address.text("family");
  if (family !== "inet" && family !== "inet6") return [];
  const peer = address.optionalText("address");
  const broadcast = address.optionalText("broadcast");
  return [
    {
      family: family === "inet" ? 4 : 6,
      told: {
        address: address.text("local"),
        prefix: address.number("prefixlen"),
        ...(peer !== undefined && { peer }),
        ...(broadcast !== undefined && { broadcast }),
        scope: address.numeral("scope"),
        ...(address.has("noprefixroute") && { noPrefixRoute: true }),
      },
      isLent: family === "inet6" && (address.has("dynamic") || address.has("temporary")),
      isTaken: address.has("dadfailed"),
    },
  ];
}
