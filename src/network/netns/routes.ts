import type { GuestHop, GuestRoute } from "../../agent/guest-network.ts";
import { Fields } from "./fields.ts";

/** A route of a network namespace. */
export interface RouteState {
  /** As a guest is told. */
  told: GuestRoute;
  /** What a guest cannot be told of it. */
  unfit?: string;
}

/** Numbers of rtnetlink(7). */
export const RouteType = {
  unicast: 1,
  blackhole: 6,
  unreachable: 7,
  prohibit: 8,
  throw: 9,
} as const;
export const RouteProtocol = { redirect: 1, kernel: 2, static: 4, ra: 9 } as const;
export const MAIN_TABLE = 254;
export const LOCAL_TABLE = 255;

/** Members that change where packets go, and that a guest cannot be told. */
const UNFIT = ["encap", "from", "tos", "via"];

/** Of `ip -4|-6 -N -j -d route show table all`. @throws NETWORK */
export function parseRoutes(json: unknown, family: 4 | 6): RouteState[] {
  return Fields.list(json, `ip -${family} route`).map((route) => {
    const type = route.numeral("type");
    const source = route.optionalText("prefsrc");
    const mtu = route
      .list("metrics")
      .find((metric) => metric.has("mtu"))
      ?.number("mtu");
    const hops = hopsOf(route, type);
    const unfit = unfitIn(route);
    const told = {
      family,
      destination: withPrefix(route.text("dst"), family),
      type,
      table: route.numeral("table"),
      protocol: route.numeral("protocol"),
      scope: route.numeral("scope"),
      metric: route.has("metric") ? route.number("metric") : 0,
      ...(source !== undefined && { source }),
      ...(mtu !== undefined && { mtu }),
      hops,
    };
    return { told, ...(unfit !== undefined && { unfit }) };
  });
}

/** Those of types that send nothing anywhere have none, though version 6 names the loopback device. */
function hopsOf(route: Fields, type: number): GuestHop[] {
  if (type >= RouteType.blackhole && type <= RouteType.throw) return [];
  if (route.has("nexthops"))
    return route
      .list("nexthops")
      .map((hop) => Object.assign(parseHop(hop), { weight: hop.number("weight") }));
  return [parseHop(route)];
}

function parseHop(hop: Fields): GuestHop {
  const gateway = hop.optionalText("gateway");
  return {
    link: hop.text("dev"),
    ...(gateway !== undefined && { gateway }),
    ...(hop.texts("flags").includes("onlink") && { isOnLink: true }),
  };
}

function unfitIn(route: Fields): string | undefined {
  const parts = [route, ...route.list("nexthops")];
  return UNFIT.find((key) => parts.some((part) => part.has(key)));
}

function withPrefix(destination: string, family: 4 | 6): string {
  return destination === "default" || destination.includes("/")
    ? destination
    : `${destination}/${family === 4 ? 32 : 128}`;
}
