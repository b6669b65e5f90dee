import type { GuestAddress, GuestNetwork, GuestRoute } from "../../agent/guest-network.ts";
import { USER_NET } from "../../host/user-net.ts";
import { guestFiles } from "./files.ts";

const LINK = "eth0";
/** No other card is in its network. */
const MAC = "02:6e:6b:00:02:0f";

/** Numbers of rtnetlink(7). */
const RTN_UNICAST = 1;
const RT_TABLE_MAIN = 254;
const RTPROT_STATIC = 4;
const RT_SCOPE_UNIVERSE = 0;
/** What the kernel gives a route of IPv6 that has none. */
const IP6_METRIC = 1024;

/** What a guest has in USER_NET. @param hasIpv6 the host is connected by IPv6 */
export function userGuest(hostname: string, mtu: number, hasIpv6: boolean): GuestNetwork {
  const { v4, v6 } = USER_NET;
  const own = hasIpv6 ? [v4, v6] : [v4];
  return {
    links: [
      {
        name: LINK,
        mac: MAC,
        mtu,
        isUp: true,
        isCard: true,
        acceptRa: false,
        addresses: own.map(({ guest, prefix }): GuestAddress => ({ address: guest, prefix, scope: 0 })),
      },
    ],
    routes: own.map(({ gateway }) => defaultRoute(gateway)),
    rules: [],
    neighbours: [],
    files: guestFiles(
      hostname,
      own.map(({ guest }) => guest),
    ),
  };
}

function defaultRoute(gateway: string): GuestRoute {
  const family = gateway.includes(":") ? 6 : 4;
  return {
    family,
    destination: "default",
    type: RTN_UNICAST,
    table: RT_TABLE_MAIN,
    protocol: RTPROT_STATIC,
    scope: RT_SCOPE_UNIVERSE,
    metric: family === 6 ? IP6_METRIC : 0,
    hops: [{ link: LINK, gateway }],
  };
}
