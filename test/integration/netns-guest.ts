import { execFileSync } from "node:child_process";
import type { GuestLink, GuestNetwork, GuestRoute } from "../../src/agent/guest-network.ts";

/** Makes the network of a namespace, with a tap for its card, what a guest's is to be. */
export function configureGuest(guest: string, { links, routes, rules, neighbours }: GuestNetwork): void {
  const before = JSON.parse(ip(guest, "-j -d link")) as {
    ifname: string;
    linkinfo?: { info_kind: string };
  }[];
  const kindOf = (kind: string): string[] =>
    before.filter(({ linkinfo }) => linkinfo?.info_kind === kind).map(({ ifname }) => ifname);
  const [card = ""] = kindOf("tun");
  for (const name of kindOf("macvlan")) ip(guest, `link del ${name}`);
  for (const family of ["-4", "-6"]) ip(guest, `${family} addr flush dev ${card}`);
  const made = links.flatMap((link, index) => linkLines(link, index === 0 ? card : (links[0]?.name ?? card)));
  for (const line of made) ip(guest, line);
  for (const { name } of links.filter(({ routeLocalnet }) => routeLocalnet))
    for (const setting of LOCALNET) run(guest, "sysctl", "-qw", `net.ipv4.conf.${name}.${setting}=1`);
  const lines = [
    ...routes.map(routeLine),
    ...rules.map(
      ({ family, priority, table, from = "all" }) =>
        `-${family} rule add from ${from} table ${table} priority ${priority}`,
    ),
    ...neighbours.map(
      ({ link, address, mac }) => `neigh replace ${address} lladdr ${mac} dev ${link} nud permanent`,
    ),
  ];
  for (const line of lines) ip(guest, line);
}

/** As the agent sets them (guest/agent/network/link-settings.c). */
const LOCALNET = ["rp_filter", "drop_unicast_in_l2_multicast", "route_localnet"];

function linkLines({ name, mac, mtu, isUp, isCard, addresses }: GuestLink, card: string): string[] {
  const make = isCard
    ? [`link set ${card} down`, `link set ${card} name ${name} address ${mac} mtu ${mtu}`]
    : [`link add link ${card} name ${name} address ${mac} mtu ${mtu} type macvlan mode private`];
  return [
    ...make,
    `link set ${name} addrgenmode none`,
    `link set ${name} ${isUp ? "up" : "down"}`,
    ...addresses.map(
      (it) =>
        `addr add ${it.address}${it.peer === undefined ? "" : ` peer ${it.peer}`}/${it.prefix} dev ${name} scope ${it.scope} ` +
        `${it.noPrefixRoute ? "noprefixroute" : ""} ${it.address.includes(":") ? "nodad" : ""}`,
    ),
  ];
}

function routeLine({
  family,
  destination,
  table,
  protocol,
  scope,
  metric,
  source,
  hops,
}: GuestRoute): string {
  const [hop] = hops;
  return [
    `-${family} route add ${destination} table ${table} proto ${protocol} scope ${scope}`,
    ...(metric > 0 ? [`metric ${metric}`] : []),
    ...(hop?.gateway === undefined ? [] : [`via ${hop.gateway}`]),
    ...(hop === undefined ? [] : [`dev ${hop.link}`]),
    ...(source === undefined ? [] : [`src ${source}`]),
  ].join(" ");
}

export function ip(namespace: string, line: string): string {
  return run(namespace, "ip", ...line.split(" ").filter((word) => word !== ""));
}

export function run(namespace: string, ...argv: string[]): string {
  return execFileSync("ip", ["netns", "exec", namespace, ...argv], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
}
