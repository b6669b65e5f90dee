import { NkError } from "../../base/errors.ts";
import { networkProgram, runBatch, runNetworkCommand } from "../programs.ts";
import { BRIDGE, RELAY, TAP, type Carried, type CarriedLink } from "./carry.ts";
import type { Connector } from "./connector.ts";
import type { LinkState } from "./links.ts";
import { randomMac } from "./mac.ts";
import type { NamespaceState } from "./read.ts";

/** Their frames are told by the MAC that they have, so that they cannot give it to a guest. */
const BOUND_TO_MAC = ["macvlan", "macvtap", "ipvlan", "ipvtap"];

const WHY = "the VM takes over the interface that the container's network namespace has";

/**
 * Version 6 is switched off on the bridge before it comes up: it would have an address, and look for routers. Where the relay's MAC is, the bridge is told:
 * it would send the first query to all, and whoever else is there would learn by what MAC to reach the guest's loopback.
 */
const BRIDGING = `"$1" -batch - || exit
off=/proc/sys/net/ipv6/conf/${BRIDGE}/disable_ipv6
if [ -e $off ]; then echo 1 >$off; fi
"$1" link set dev ${BRIDGE} up || exit
if [ "$3" ]; then "$2" fdb replace "$3" dev ${RELAY} master static; fi`;

/**
 * With a bridge the guest has the MAC that the interface had. That is written down as the alias of the bridge, which is there as long as the bridge is:
 * whoever finds a bridge of a dead monitor can give the interface its MAC back.
 * @returns the interfaces with the MACs that they had
 */
export function withOwnMacs(links: readonly LinkState[]): LinkState[] {
  const owed = owedMac(links);
  return links.map((link) =>
    link.name === owed?.name && link.master === BRIDGE ? { ...link, mac: owed.mac } : link,
  );
}

function owedMac(links: readonly LinkState[]): { name: string; mac: string } | undefined {
  const [name, mac] = links.find((link) => link.name === BRIDGE)?.alias?.split(" ") ?? [];
  return name === undefined || mac === undefined ? undefined : { name, mac };
}

/**
 * The commands for `ip -batch` that make interface and tap the ports of a bridge; none where they are. It comes up after them. It is no part of the
 * namespace's network: it answers no ARP, and what the interface gets goes past the namespace's own stack, which keeps its addresses.
 * @param relay the interface to the relay of name servers @param mac what the interface has from now on
 */
export function bridgeBatch(
  links: readonly LinkState[],
  port: CarriedLink,
  relay: CarriedLink | undefined,
  mac: string,
): string {
  const bridge = links.find(({ name }) => name === BRIDGE);
  const isPort = (name: string): boolean =>
    links.some((link) => link.name === name && link.master === BRIDGE);
  const alias = `${port.name} ${port.mac}`;
  // It is up when the rest is done.
  const isDone = bridge?.isUp === true && bridge.alias === alias && isPort(port.name);
  const lines = [
    ...(bridge === undefined
      ? [`link add name ${BRIDGE} mtu ${port.mtu} type bridge stp_state 0 forward_delay 0 mcast_snooping 0`]
      : []),
    ...(isDone
      ? []
      : [
          `link set dev ${BRIDGE} alias "${alias}" arp off`,
          `link set dev ${port.name} master ${BRIDGE}`,
          `link set dev ${port.name} address ${mac}`,
        ]),
    ...(isPort(TAP) ? [] : [`link set dev ${TAP} master ${BRIDGE}`]),
    ...(relay === undefined || isPort(relay.name) ? [] : relayLines(port.name, relay.name)),
  ];
  return lines.map((line) => `${line}\n`).join("");
}

/** Both reach the tap alone, and not each other. */
function relayLines(port: string, relay: string): string[] {
  return [
    `link set dev ${relay} master ${BRIDGE}`,
    ...[port, relay].map((name) => `link set dev ${name} type bridge_slave isolated on`),
  ];
}

/** The commands for `ip -batch` that take the bridge away; the interface is as it was. */
export function undoBridgeBatch(links: readonly LinkState[]): string {
  if (!links.some(({ name }) => name === BRIDGE)) return "";
  const owed = owedMac(links);
  const isThere = links.some(({ name, master }) => name === owed?.name && master === BRIDGE);
  const lines = [
    ...(owed !== undefined && isThere ? [`link set dev ${owed.name} address ${owed.mac}`] : []),
    `link del dev ${BRIDGE}`,
  ];
  return lines.map((line) => `${line}\n`).join("");
}

/** For kernels that drop what is redirected into a tap: a bridge in the namespace, with interface and tap as its ports. */
export class Bridge implements Connector {
  readonly maxLinks = 1;
  private readonly netns: string;
  private readonly reason: string;

  /** @param reason why it is no mirror, for people */
  constructor(netns: string, reason: string) {
    this.netns = netns;
    this.reason = reason;
  }

  async apply({ links }: NamespaceState, carried: Carried): Promise<void> {
    const relay = carried.links.find((link) => link.relay !== undefined);
    const own = carried.links.filter((link) => link !== relay);
    const [port, ...others] = own;
    if (others.length > 0)
      throw this.refusal(`it has ${own.map(({ name }) => name).join(", ")}, expected one interface`);
    if (port === undefined) return this.undo({ links });
    if (BOUND_TO_MAC.includes(port.kind ?? ""))
      throw this.refusal(`${port.name} is of the kind ${port.kind}`);
    const batch = bridgeBatch(links, port, relay, randomMac());
    if (batch === "") return;
    const name = "bridge the interface and the VM's tap";
    await runNetworkCommand({
      program: "sh",
      args: ["-c", BRIDGING, "sh", networkProgram("ip"), networkProgram("bridge"), relay?.relay?.mac ?? ""],
      input: batch,
      netns: this.netns,
      name,
      why: WHY,
    });
  }

  async undo({ links }: Pick<NamespaceState, "links">): Promise<void> {
    await removeBridge(this.netns, links);
  }

  private refusal(found: string): NkError {
    return new NkError(
      "NETWORK",
      `a VM on this host cannot take over that network namespace: ${found}; frames would have to be redirected with tc, and ${this.reason}`,
    );
  }
}

/** @throws NETWORK */
export async function removeBridge(netns: string, links: readonly LinkState[]): Promise<void> {
  const input = undoBridgeBatch(links);
  if (input === "") return;
  await runBatch({ program: "ip", input, netns, name: "remove the bridge", why: WHY });
}
