import { existsSync, readFileSync } from "node:fs";
import { parseAddress, prefixOf, type Prefix } from "../ip-address.ts";
import { parseIpJson } from "../ip-json.ts";
import { runNetworkCommand } from "../programs.ts";

/** What is there on the host, as far as we have to know. */
export interface HostFacts {
  links: HostLink[];
  routes: HostRoute[];
  /** New links have IPv6. */
  hasIpv6: boolean;
}

export interface HostLink {
  name: string;
  /** "bridge"; "": hardware, or the loopback device. */
  kind: string;
  mac: string;
  mtu: number;
  isUp: boolean;
  /** Of what it is a port. */
  master?: string;
  addresses: HostAddress[];
}

export interface HostAddress {
  /** "10.87.0.1/16". */
  text: string;
  network: Prefix;
  /** A router's advertisement brought it. */
  isAdvertised: boolean;
}

/** Of the main table. */
export interface HostRoute {
  /** undefined: a default route. */
  destination: Prefix | undefined;
  family: 4 | 6;
  link: string;
  metric: number;
  /** A router's advertisement brought it. */
  isAdvertised: boolean;
}

/** @throws NETWORK */
export async function readFacts(): Promise<HostFacts> {
  const output = await runNetworkCommand({
    program: "ip",
    args: ["-json", "-details", "-batch", "-"],
    input: "address show\nroute show table all\n",
    name: "look at the host's network",
    why: "what is there already decides what has to be made, and what must not be touched",
  });
  return { ...parseFacts(output), hasIpv6: hasIpv6() };
}

/** Whether links that are made now have IPv6. */
export function hasIpv6(): boolean {
  const path = "/proc/sys/net/ipv6/conf/default/disable_ipv6";
  return existsSync(path) && readFileSync(path, "utf8").trim() === "0";
}

/** What `ip -json -details` says of a link with its addresses, and of a route. */
interface LinkJson {
  ifname: string;
  address?: string;
  mtu: number;
  flags: string[];
  linkinfo?: { info_kind?: string };
  master?: string;
  addr_info: { local: string; prefixlen: number; dynamic?: boolean; mngtmpaddr?: boolean }[];
}
interface RouteJson {
  type: string;
  dst: string;
  dev?: string;
  nexthops?: { dev?: string }[];
  table?: string;
  protocol?: string;
  metric?: number;
  /** IPv6 routes alone have one. */
  pref?: string;
}

/** @param output one JSON array a line: links, routes */
export function parseFacts(output: string): Pick<HostFacts, "links" | "routes"> {
  const [links = [], routes = []] = output
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => parseIpJson(line) as unknown[]);
  return {
    links: (links as LinkJson[]).map(linkOf),
    routes: (routes as RouteJson[])
      .filter(({ type, table }) => type === "unicast" && (table ?? "main") === "main")
      .flatMap(routesOf),
  };
}

function linkOf({ ifname, address, mtu, flags, linkinfo, master, addr_info }: LinkJson): HostLink {
  return {
    name: ifname,
    kind: linkinfo?.info_kind ?? "",
    mac: address ?? "",
    mtu,
    isUp: flags.includes("UP"),
    ...(master !== undefined && { master }),
    addresses: addr_info.flatMap(({ local, prefixlen, dynamic, mngtmpaddr }) => {
      const parsed = parseAddress(local);
      if (parsed === undefined) return [];
      return {
        text: `${local}/${prefixlen}`,
        network: prefixOf(parsed, prefixlen),
        isAdvertised: dynamic === true && mngtmpaddr === true,
      };
    }),
  };
}

/** One for each link that a route leads to: none of a route that leads nowhere. */
function routesOf({ dst, dev, nexthops, pref, metric, protocol }: RouteJson): HostRoute[] {
  const links = dev === undefined ? (nexthops ?? []).flatMap((hop) => hop.dev ?? []) : [dev];
  return links.map((link) => ({
    destination: destinationOf(dst),
    family: pref !== undefined || dst.includes(":") ? 6 : 4,
    link,
    metric: metric ?? 0,
    isAdvertised: protocol === "ra",
  }));
}

function destinationOf(text: string): Prefix | undefined {
  const [addressText = "", bits] = text.split("/");
  const address = parseAddress(addressText);
  if (address === undefined) return undefined;
  return prefixOf(address, Number(bits ?? (address.family === 4 ? 32 : 128)));
}
