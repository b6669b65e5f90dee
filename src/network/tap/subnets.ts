import { NkError } from "../../base/errors.ts";
import { addressAt, formatPrefix, overlap, parsePrefix, type Address, type Prefix } from "../ip-address.ts";
import type { TapSpec } from "../network.ts";

/** The subnets of a bridge. In each, address number 1 is the bridge's. */
export interface Subnets {
  v4: Prefix;
  v6?: Prefix;
}

/** IFNAMSIZ without its zero; names of links that the kernel gives a meaning to are left out. */
const BRIDGE_NAME = /^(?!(?:all|default|lo)$)[A-Za-z0-9][\w.-]{0,14}$/;
/** A bridge, its containers and the two addresses that nobody may have: /29 leaves five containers. MACs hold 24 bits of the number. */
const BITS = { 4: { from: 8, to: 29 }, 6: { from: 8, to: 112 } } as const;

/** Of no machine (RFC 6890): this network, the loopback device, multicast; and in IPv6 mapped IPv4 addresses, and those of one link. */
const OF_NO_MACHINE = ["0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/4", "::/8", "fe80::/10", "ff00::/8"];

/** @throws NETWORK */
export function checkSpec({ bridge, subnet, subnet6 }: TapSpec): Subnets {
  if (!BRIDGE_NAME.test(bridge))
    throw new NkError(
      "NETWORK",
      `bridge ${JSON.stringify(bridge)}: expected the name of an interface, at most 15 of A-Z a-z 0-9 _ . -, such as nk0`,
    );
  const v4 = subnetOf(subnet, 4, "10.87.0.0/16");
  return subnet6 === undefined ? { v4 } : { v4, v6: subnetOf(subnet6, 6, "fd6e:6b00:0:1::/64") };
}

function subnetOf(text: string, family: 4 | 6, example: string): Prefix {
  const prefix = parsePrefix(text);
  const { from, to } = BITS[family];
  if (prefix?.family === family && prefix.bits >= from && prefix.bits <= to)
    return checkMachines(prefix, example);
  throw new NkError(
    "NETWORK",
    `subnet ${JSON.stringify(text)}: expected an IPv${family} prefix of ${from} to ${to} bits with nothing set behind them, such as ${example}`,
  );
}

function checkMachines(prefix: Prefix, example: string): Prefix {
  const other = OF_NO_MACHINE.find((text) => {
    const reserved = parsePrefix(text);
    return reserved !== undefined && overlap(prefix, reserved);
  });
  if (other === undefined) return prefix;
  throw new NkError(
    "NETWORK",
    `subnet "${formatPrefix(prefix)}": expected one whose addresses machines have, such as ${example}, found one of ${other}`,
  );
}

/** Those of the subnets that the host has: all, but IPv6 only where it is on. */
export function listSubnets({ v4, v6 }: Subnets): Prefix[] {
  return v6 === undefined ? [v4] : [v4, v6];
}

/** The bridge's own, which are the containers' gateways, without their prefix. */
export function gatewayOf(prefix: Prefix): string {
  return addressAt(prefix, 1);
}

export function formatSubnets(subnets: Subnets): string {
  return listSubnets(subnets).map(formatPrefix).join(" and ");
}

/** An address of a lease, "10.87.0.2/16", without its prefix. */
export function bare(address: string): string {
  return address.split("/")[0] ?? "";
}

/** fc00::/7, which no router of the internet knows. */
export function isUniqueLocal({ family, value }: Address): boolean {
  return family === 6 && value >> 121n === 0x7en;
}
