import { defaultRoute } from "../../agent/default-route.ts";
import type { GuestAddress, GuestNetwork } from "../../agent/guest-network.ts";
import { USER_NET } from "../../host/user-net.ts";
import { guestFiles } from "./files.ts";

const LINK = "eth0";
/** No other card is in its network. */
const MAC = "02:6e:6b:00:02:0f";

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
    routes: own.map(({ gateway }) => defaultRoute(LINK, gateway)),
    rules: [],
    neighbours: [],
    files: guestFiles(
      hostname,
      own.map(({ guest }) => guest),
    ),
  };
}
