import type { GuestNetworkFiles } from "../agent/guest-network.ts";
import { readIfThere } from "../state/read-if-there.ts";
import { warnings } from "../trace/channels.ts";
import { isLoopback, parseAddress } from "./ip-address.ts";

/** The host's own, and what systemd-resolved asks where that names systemd-resolved's own address. */
const RESOLV_CONF = "/etc/resolv.conf";
const RESOLVED_CONF = "/run/systemd/resolve/resolv.conf";

/** Files of a guest that has addresses of its own, and asks the host's resolvers. @param addresses its own, without prefixes */
export function networkFiles(hostname: string, addresses: readonly string[]): GuestNetworkFiles {
  const resolvConf = guestResolvConf(readIfThere(RESOLV_CONF) ?? "", readIfThere(RESOLVED_CONF) ?? "");
  if (!/^nameserver /m.test(resolvConf))
    warnings.publish(
      `the container resolves no names: ${RESOLV_CONF} of this host has no name server beyond the host itself; bring an /etc/resolv.conf in the bundle`,
    );
  return { hosts: guestHosts(hostname, addresses), resolvConf };
}

/**
 * What a guest reads as resolv.conf(5). A resolver at the host's loopback address is none of the guest's: those that systemd-resolved asks are
 * in its place, or nothing.
 * @param host text of the host's resolv.conf @param resolved text of the one that systemd-resolved keeps, "" without it
 */
export function guestResolvConf(host: string, resolved: string): string {
  const own = nameServers(host);
  const servers = own.filter(isReachable);
  if (servers.length < own.length) servers.push(...nameServers(resolved).filter(isReachable));
  return resolvConfOf([...new Set(servers)], host);
}

/** A resolv.conf(5) with these servers, and what else the host's says. @param host text of it */
export function resolvConfOf(servers: readonly string[], host: string): string {
  const others = linesOf(host).filter((line) => /^(?:search|domain|options)\s/.test(line));
  return [...servers.map((server) => `nameserver ${server}`), ...others].map((line) => `${line}\n`).join("");
}

/** What a guest reads as hosts(5). */
export function guestHosts(hostname: string, addresses: readonly string[]): string {
  const [short = hostname] = hostname.split(".");
  const names = short === hostname ? hostname : `${hostname} ${short}`;
  const own = hostname === "" ? [] : addresses.map((address) => `${address}\t${names}\n`);
  return ["127.0.0.1\tlocalhost\n", "::1\tlocalhost ip6-localhost ip6-loopback\n", ...own].join("");
}

function linesOf(text: string): string[] {
  return text.split("\n").map((line) => line.trim());
}

/** Those of a resolv.conf(5), in order. */
export function nameServers(text: string): string[] {
  return linesOf(text).flatMap((line) => /^nameserver\s+(\S+)/.exec(line)?.[1] ?? []);
}

/** Neither the host's loopback device nor an address with a zone, which is a link of the host. */
function isReachable(server: string): boolean {
  const address = parseAddress(server);
  return address !== undefined && !isLoopback(address);
}
