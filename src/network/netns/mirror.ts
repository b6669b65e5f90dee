import { runBatch, runNetworkCommand } from "../programs.ts";
import { TAP, type Carried } from "./carry.ts";
import type { Connector } from "./connector.ts";
import type { NamespaceState } from "./read.ts";

/** By this priority our filters are told from those of others. The letters "nk". */
const PRIORITY = 0x6e6b;

/** An interface whose frames go to the tap, and the MAC whose frames go from there to it. */
export interface Port {
  name: string;
  /** Tells it from an earlier one of that name. */
  index: number;
  mac: string;
}

/**
 * The commands for `tc -batch` that make the ports, the card's first, what they are to be; none where they are it.
 * @param before what was done last @param ingress which interfaces have which qdisc for what they receive
 */
export function mirrorBatch(
  ports: readonly Port[],
  before: readonly Port[],
  ingress: ReadonlyMap<string, string>,
): string {
  const gone = before.filter((port) => !ports.some(({ name }) => name === port.name));
  const isAsBefore = JSON.stringify(ports) === JSON.stringify(before);
  const lines = [
    ...gone.flatMap(({ name }) => removal(name, ingress)),
    ...ports.filter((port) => !isDone(port, before, ingress)).flatMap(({ name }) => toTap(name, ingress)),
    ...(isAsBefore && ingress.has(TAP) ? [] : fromTap(ports, ingress)),
  ];
  return lines.map((line) => `${line}\n`).join("");
}

function isDone(port: Port, before: readonly Port[], ingress: ReadonlyMap<string, string>): boolean {
  return (
    ingress.has(port.name) && before.some(({ name, index }) => name === port.name && index === port.index)
  );
}

function removal(name: string, ingress: ReadonlyMap<string, string>): string[] {
  const kind = ingress.get(name);
  return kind === undefined ? [] : [`qdisc del dev ${name} ${kind}`];
}

/** One there already is of no more use: its namespace will see no frame. */
function toTap(name: string, ingress: ReadonlyMap<string, string>): string[] {
  return [...removal(name, ingress), `qdisc add dev ${name} ingress`, redirect(name, "u32 0 0", TAP)];
}

function fromTap(ports: readonly Port[], ingress: ReadonlyMap<string, string>): string[] {
  const [card, ...others] = ports;
  if (card === undefined) return removal(TAP, ingress);
  return [
    ...removal(TAP, ingress),
    `qdisc add dev ${TAP} ingress`,
    ...others.map(({ name, mac }) => redirect(TAP, `ether src ${mac}`, name)),
    redirect(TAP, "u32 0 0", card.name),
  ];
}

/** Filters of one priority are asked in the order in which they were made. */
function redirect(from: string, match: string, to: string): string {
  return `filter add dev ${from} parent ffff: protocol all prio ${PRIORITY} u32 match ${match} action mirred egress redirect dev ${to}`;
}

/** Frames go from each interface to the tap and back, before the namespace's own stack sees them. */
export class Mirror implements Connector {
  readonly maxLinks = Number.POSITIVE_INFINITY;
  private readonly netns: string;
  private done: Port[] = [];
  /** Interfaces that got a qdisc of ours, or were about to. */
  private readonly touched = new Set<string>();

  constructor(netns: string) {
    this.netns = netns;
  }

  async apply({ ingress }: NamespaceState, { links }: Carried): Promise<void> {
    const ports = links.map(({ name, index, mac }): Port => ({ name, index, mac }));
    const batch = mirrorBatch(ports, this.done, ingress);
    if (batch === "") return;
    for (const { name } of ports) this.touched.add(name);
    // Until all of it is done, nothing is.
    this.done = [...this.done, ...ports].map((port) => ({ ...port, index: 0 }));
    await runTc(this.netns, batch, "redirect frames between the interfaces and the VM's tap");
    this.done = ports;
  }

  async undo({ ingress }: NamespaceState): Promise<void> {
    const lines = [...this.touched, TAP].flatMap((name) => removal(name, ingress));
    if (lines.length > 0) await runTc(this.netns, `${lines.join("\n")}\n`, "redirect frames no more");
  }
}

/** Removes what a mirror has left whose process was killed. @throws NETWORK */
export async function removeMirror(netns: string, { ingress }: NamespaceState): Promise<void> {
  for (const [name, kind] of ingress) {
    const filters = await runNetworkCommand({
      program: "tc",
      args: ["filter", "show", "dev", name, "parent", "ffff:", "prio", String(PRIORITY)],
      netns,
      name: `look whose qdisc ${name} has`,
      why: "only what redirects to a VM's tap is ours to remove",
    });
    if (filters.includes("mirred"))
      await runTc(netns, `qdisc del dev ${name} ${kind}\n`, "redirect frames no more");
  }
}

async function runTc(netns: string, input: string, name: string): Promise<void> {
  const why = "the VM takes over the interfaces that the container's network namespace has";
  await runBatch({ program: "tc", input, netns, name, why });
}
