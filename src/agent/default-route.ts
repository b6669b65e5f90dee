import { isIPv6 } from "node:net";
import type { GuestRoute } from "./guest-network.ts";

/** Numbers of rtnetlink(7), and what the kernel gives an IPv6 route without a metric. */
const RTN_UNICAST = 1;
const RT_TABLE_MAIN = 254;
const RTPROT_STATIC = 4;
const RT_SCOPE_UNIVERSE = 0;
const IP6_RT_PRIO_USER = 1024;

/** To all that no other route leads to. @param link name of the one that the gateway is on */
export function defaultRoute(link: string, gateway: string): GuestRoute {
  const family = isIPv6(gateway) ? 6 : 4;
  return {
    family,
    destination: "default",
    type: RTN_UNICAST,
    table: RT_TABLE_MAIN,
    protocol: RTPROT_STATIC,
    scope: RT_SCOPE_UNIVERSE,
    metric: family === 6 ? IP6_RT_PRIO_USER : 0,
    hops: [{ link, gateway }],
  };
}
