import { broadcastOf } from "../ip-address.ts";
import { findBridge } from "./check.ts";
import type { HostFacts } from "./facts.ts";
import type { BridgeRecord } from "./records.ts";
import { gatewayOf, listSubnets, type Subnets } from "./subnets.ts";

/** Where no link has a default route. */
const DEFAULT_MTU = 1500;
/** What a tap can have, which is less than the loopback device has. */
const MAX_TAP_MTU = 65_521;

/** That of the link that leads to everything: what is longer would be refused there. */
export function mtuOf({ links, routes }: HostFacts): number {
  const [best] = routes
    .filter(({ destination }) => destination === undefined)
    .sort((a, b) => a.family - b.family || a.metric - b.metric);
  const link = links.find(({ name }) => name === best?.link);
  return Math.min(link?.mtu ?? DEFAULT_MTU, MAX_TAP_MTU);
}

/** A link with less has no IPv6 (RFC 8200, 5). */
export const MIN_IPV6_MTU = 1280;

/** Whether a bridge that is made now can have IPv6. */
export function canHaveIpv6(facts: HostFacts): boolean {
  return facts.hasIpv6 && mtuOf(facts) >= MIN_IPV6_MTU;
}

/** One that has IPv6 keeps what that needs. */
export function bridgeMtu(facts: HostFacts, { v6 }: Subnets): number {
  return v6 === undefined ? mtuOf(facts) : Math.max(mtuOf(facts), MIN_IPV6_MTU);
}

/** What makes the bridge what it is to be: lines for `ip -batch`, none where nothing is to be done. */
export function bridgeLines(
  bridge: string,
  subnets: Subnets,
  record: BridgeRecord,
  facts: HostFacts,
): string[] {
  const found = findBridge(bridge, record, facts);
  const mtu = bridgeMtu(facts, subnets);
  // IPv6 may have been switched off while VMs are there.
  const prefixes = listSubnets(subnets).filter(({ family }) => family === 4 || facts.hasIpv6);
  const has = new Set(found?.addresses.map(({ text }) => text));
  return [
    ...(found === undefined ? [`link add name ${bridge} address ${record.mac} mtu ${mtu} type bridge`] : []),
    // The bridge would have the lowest MTU of its ports, if none were set.
    ...(found?.mtu === mtu ? [] : [`link set dev ${bridge} mtu ${mtu}`]),
    ...prefixes.flatMap((prefix) => {
      const address = `${gatewayOf(prefix)}/${prefix.bits}`;
      const more = prefix.family === 4 ? `broadcast ${broadcastOf(prefix)}` : "nodad";
      return has.has(address) ? [] : [`address add ${address} ${more} dev ${bridge}`];
    }),
    ...(found?.isUp === true ? [] : [`link set dev ${bridge} up`]),
  ];
}
