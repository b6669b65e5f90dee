import { BlockList } from "node:net";
import type {
  GuestLink,
  GuestNeighbour,
  GuestNetwork,
  GuestRoute,
  GuestRule,
} from "../../agent/guest-network.ts";
import { checkBounds } from "./bounds.ts";
import type { Carried, CarriedLink } from "./carry.ts";
import type { AddressState } from "./links.ts";
import type { NamespaceState } from "./read.ts";
import { LOCAL_TABLE, RouteProtocol, RouteType, type RouteState } from "./routes.ts";
import type { RuleState } from "./rules.ts";

/** Where packets go, or do not. The others are made by a kernel itself, or are of multicast routing. */
const CARRIED_TYPES: readonly number[] = [
  RouteType.unicast,
  RouteType.blackhole,
  RouteType.unreachable,
  RouteType.prohibit,
  RouteType.throw,
];

/** RT_SCOPE_LINK of rtnetlink(7). */
const LINK_SCOPE = 253;

/** What a guest is told, and one line for each thing of it that it cannot be told. */
export interface Told {
  network: GuestNetwork;
  notices: string[];
}

/** What a guest is to have so that its network is that of the namespace, with the interfaces that it gets. */
export function guestNetwork(state: NamespaceState, { links }: Carried): Told {
  const names = new Set(links.map(({ name }) => name));
  const routes = state.routes.filter(({ told }) => isNeeded(told, state, names));
  const rules = state.rules.filter(({ told }) => refersTo(told, names));
  const unfit = [
    ...routes.flatMap((route) => unfitLine(`route to ${route.told.destination}`, route)),
    ...rules.flatMap((rule) => unfitLine(`rule ${rule.told.priority}`, rule)),
  ];
  const told = links.map((link) => guestLink(link, links[0] ?? link, state));
  const addresses = new Set(told.flatMap((link) => link.addresses.map(({ address }) => address)));
  return {
    network: checkBounds({
      links: told,
      routes: [
        ...routes
          .filter(isFit)
          .map((route) => guestRoute(route.told, names, addresses))
          .sort((one, other) => Number(hasGateway(one)) - Number(hasGateway(other))),
        ...links.flatMap(relayRoutes),
      ],
      rules: rules.filter(isFit).map((rule) => rule.told),
      neighbours: [
        ...state.neighbours.filter(({ link }) => names.has(link)),
        ...links.flatMap(relayNeighbours),
      ],
    }),
    notices: unfit,
  };
}

function isFit({ unfit }: RouteState | RuleState): boolean {
  return unfit === undefined;
}

function unfitLine(what: string, { told, unfit }: RouteState | RuleState): string[] {
  if (unfit === undefined) return [];
  return [`the VM does not get the IPv${told.family} ${what} of its network namespace: it has "${unfit}"`];
}

function guestLink(link: CarriedLink, card: CarriedLink, state: NamespaceState): GuestLink {
  const acceptRa = state.advertised.has(link.name);
  return {
    name: link.name,
    mac: link.mac,
    mtu: Math.min(link.mtu, card.mtu),
    isUp: link.isUp,
    isCard: link === card,
    acceptRa,
    ...(link.relay !== undefined && { routeLocalnet: true }),
    addresses: link.addresses
      .filter((address) => !address.isTaken && !(address.isLent && acceptRa))
      .map((address) => ({
        ...address.told,
        ...(link.isUp && !hasPrefixRoute(address, link, state.routes) && { noPrefixRoute: true }),
      })),
  };
}

/** Before that of the whole loopback network, which is in this table, too. */
function relayRoutes({ name, relay }: CarriedLink): GuestRoute[] {
  return (relay?.addresses ?? []).map((address) => ({
    family: 4,
    destination: `${address}/32`,
    type: RouteType.unicast,
    table: LOCAL_TABLE,
    protocol: RouteProtocol.static,
    scope: LINK_SCOPE,
    metric: 0,
    source: "127.0.0.1",
    hops: [{ link: name }],
  }));
}

function relayNeighbours({ name, relay }: CarriedLink): GuestNeighbour[] {
  return (relay?.addresses ?? []).map((address) => ({ link: name, address, mac: relay?.mac ?? "" }));
}

/** Somebody may have removed the kernel's route to an address's prefix; the guest's kernel must not make it then. */
function hasPrefixRoute(
  { family, told }: AddressState,
  link: CarriedLink,
  routes: readonly RouteState[],
): boolean {
  const { address, prefix, peer = address } = told;
  if (prefix === (family === 4 ? 32 : 128) && peer === address) return true;
  return routes.some(
    (route) =>
      route.told.family === family &&
      route.told.protocol === RouteProtocol.kernel &&
      route.told.table !== LOCAL_TABLE &&
      route.told.hops.some((hop) => hop.link === link.name) &&
      covers(route.told, prefix, peer),
  );
}

function covers({ destination, family }: GuestRoute, prefix: number, address: string): boolean {
  const [network = "", length = ""] = destination.split("/");
  if (Number(length) !== prefix) return false;
  const type = family === 4 ? "ipv4" : "ipv6";
  const list = new BlockList();
  list.addSubnet(network, prefix, type);
  return list.check(address, type);
}

/** Not one that the guest's kernel makes itself, or hears of from a router as this one did. */
function isNeeded(route: GuestRoute, { advertised }: NamespaceState, names: ReadonlySet<string>): boolean {
  const { type, protocol, hops, table, destination } = route;
  if (!CARRIED_TYPES.includes(type)) return false;
  if (protocol === RouteProtocol.kernel || protocol === RouteProtocol.redirect) return false;
  if (destination === "ff00::/8" && table === LOCAL_TABLE) return false;
  if (protocol === RouteProtocol.ra && hops.every(({ link }) => advertised.has(link))) return false;
  return hops.length === 0 || hops.some(({ link }) => names.has(link));
}

/** A kernel refuses a source that is no address of it. */
function guestRoute(
  { source, ...route }: GuestRoute,
  names: ReadonlySet<string>,
  addresses: ReadonlySet<string>,
): GuestRoute {
  return {
    ...route,
    ...(source !== undefined && addresses.has(source) && { source }),
    hops: route.hops.filter(({ link }) => names.has(link)),
  };
}

/** Whoever makes the routes in their order has the way to a gateway before it is named. */
function hasGateway({ hops }: GuestRoute): boolean {
  return hops.some(({ gateway }) => gateway !== undefined);
}

/** A rule about an interface that the guest does not have would never apply. */
function refersTo({ inLink, outLink }: GuestRule, names: ReadonlySet<string>): boolean {
  return [inLink, outLink].every((name) => name === undefined || name === "lo" || names.has(name));
}
