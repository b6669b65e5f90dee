import type { GuestNetwork } from "../../agent/guest-network.ts";
import { NkError } from "../../base/errors.ts";

/** More than so many an agent does not take (protocol/agent-protocol.md). */
const MOST = { links: 64, routes: 4096, rules: 256, neighbours: 1024 } as const;
const MOST_ADDRESSES = 256;

/** @throws NETWORK for a network with more of something than a guest can be told */
export function checkBounds(network: GuestNetwork): GuestNetwork {
  for (const [what, most] of Object.entries(MOST) as [keyof typeof MOST, number][])
    check(what, network[what].length, most);
  for (const { name, addresses } of network.links)
    check(`addresses of ${name}`, addresses.length, MOST_ADDRESSES);
  return network;
}

function check(what: string, found: number, most: number): void {
  if (found <= most) return;
  throw new NkError(
    "NETWORK",
    `a VM cannot take over the network namespace of its container: expected at most ${most} ${what}, found ${found}: remove some, or use --vm-net=tap`,
  );
}
