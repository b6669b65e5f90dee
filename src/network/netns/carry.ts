import type { LinkState } from "./links.ts";
import type { NamespaceState } from "./read.ts";
import { MAIN_TABLE } from "./routes.ts";

/** Names of ours in a container's namespace: who finds the tap there knows that a VM has it. */
export const TAP = "nktap0";
export const BRIDGE = "nkbr0";
/** To the relay of name servers; the guest's interface has this name, too. */
export const RELAY = "nkdns0";
const OURS = [TAP, BRIDGE, RELAY];

/** Names that no interface of a guest has (protocol/agent-protocol.md). */
const NO_NAMES = ["all", "default", "nkcard"];

/** An interface that a guest gets. */
export interface CarriedLink extends LinkState {
  mac: string;
  /** It leads to name servers of the namespace's loopback, with this MAC. */
  relay?: { mac: string; addresses: readonly string[] };
}

/** Which interfaces a guest gets. */
export interface Carried {
  /** The card's first. */
  links: CarriedLink[];
  /** One line for each that it does not get. */
  notices: string[];
}

/**
 * Chooses what a guest gets: all Ethernet interfaces, each told by its MAC. The first is the VM's card: the one that was it before, while it is there, else
 * one that is up, has the largest MTU (others on the card cannot have a larger one), has the default route, and the lowest index, in this order.
 * @param card index of the interface that is the card by now
 */
export function chooseCarried(state: NamespaceState, card?: number): Carried {
  const links: CarriedLink[] = [];
  const notices: string[] = [];
  for (const link of state.links.toSorted((one, other) => one.index - other.index)) {
    if (link.isLoopback || OURS.includes(link.name)) continue;
    const problem = whyNot(link, links);
    if (problem === undefined && link.mac !== undefined) links.push({ ...link, mac: link.mac });
    else notices.push(`${notGiven(link.name)}: ${problem}`);
  }
  const ways = defaultLinks(state);
  const rank = (link: LinkState): number[] => [
    Number(link.index === card),
    Number(link.isUp),
    link.mtu,
    Number(ways.has(link.name)),
    -link.index,
  ];
  return { links: links.sort((one, other) => compareRanks(rank(other), rank(one))), notices };
}

/** The beginning of a notice. */
export function notGiven(name: string): string {
  return `the VM does not get the interface ${name} of its network namespace`;
}

function whyNot(link: LinkState, others: readonly CarriedLink[]): string | undefined {
  if (!/^[\w.@+-]+$/.test(link.name)) return "its name has other characters than letters, digits and _.@+-";
  if (NO_NAMES.includes(link.name)) return "its name means something else to the guest";
  if (!link.isEthernet || link.mac === undefined)
    return `its packets are not Ethernet frames${link.kind === undefined ? "" : ` (it is of the kind ${link.kind})`}`;
  const twin = others.find((other) => other.mac === link.mac);
  return twin && `it has the MAC of ${twin.name}, by which they are told apart`;
}

function defaultLinks({ routes }: NamespaceState): Set<string> {
  const ways = routes.filter(({ told }) => told.destination === "default" && told.table === MAIN_TABLE);
  return new Set(ways.flatMap(({ told: { hops } }) => hops.map(({ link }) => link)));
}

function compareRanks(one: readonly number[], other: readonly number[]): number {
  const index = one.findIndex((value, place) => value !== other[place]);
  return index < 0 ? 0 : (one[index] ?? 0) - (other[index] ?? 0);
}
