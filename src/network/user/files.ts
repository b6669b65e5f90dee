import { isIPv4, isIPv6 } from "node:net";
import type { GuestNetworkFiles } from "../../agent/guest-network.ts";
import { USER_NET } from "../../host/user-net.ts";
import { readIfThere } from "../../state/read-if-there.ts";
import { guestHosts, nameServers, resolvConfOf } from "../files.ts";

const RESOLV_CONF = "/etc/resolv.conf";

/** @param addresses of the guest */
export function guestFiles(hostname: string, addresses: readonly string[]): GuestNetworkFiles {
  const hasIpv6 = addresses.some(isIPv6);
  return {
    hosts: guestHosts(hostname, addresses),
    resolvConf: userResolvConf(readIfThere(RESOLV_CONF) ?? "", hasIpv6),
  };
}

/**
 * The host's resolvers, which a guest reaches as the host does. Where one of them is on the host itself, the address instead by which the network's program
 * asks it for the guest.
 * @param host text of the host's resolv.conf(5)
 */
export function userResolvConf(host: string, hasIpv6: boolean): string {
  const servers = nameServers(host);
  // One with a zone is on a link of the host.
  const reached = servers.filter(
    (server) => isIPv4(server) || (hasIpv6 && isIPv6(server) && !server.includes("%")),
  );
  const isDirect = reached.length > 0 && !servers.some(isOfHost);
  return resolvConfOf(isDirect ? reached : [USER_NET.v4.resolver], host);
}

function isOfHost(server: string): boolean {
  return server.startsWith("127.") || server === "::1";
}
