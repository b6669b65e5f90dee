import type { GuestNetwork } from "../../agent/guest-network.ts";
import { asNkError, NkError } from "../../base/errors.ts";
import { asTap, type Card } from "../../host/card.ts";
import { warnings } from "../../trace/channels.ts";
import type { Network } from "../network.ts";
import { chooseCarried, notGiven, TAP, type Carried } from "./carry.ts";
import type { Connector } from "./connector.ts";
import { guestNetwork } from "./guest.ts";
import type { Namespace } from "./namespace.ts";
import { readNamespace, type NamespaceState } from "./read.ts";
import type { ForwardedPorts } from "./ports.ts";
import type { ResolverRelay } from "./relay.ts";
import { fitTap, moveTap, silenceTap } from "./tap.ts";
import { watchNamespace, type NamespaceWatch } from "./watch.ts";

/** How often an interface may come or go between the look at a namespace and what is done with it. */
const MAX_ATTEMPTS = 5;

export interface NetnsParts {
  connector: Connector;
  relay: ResolverRelay;
  /** undefined: nobody forwards any. */
  ports: ForwardedPorts | undefined;
  id: string;
}

/** The interfaces of a network namespace, as those of a VM's guest. */
export class NetnsNetwork implements Network {
  private readonly namespace: Namespace;
  private readonly connector: Connector;
  private readonly relay: ResolverRelay;
  private readonly ports: ForwardedPorts | undefined;
  private readonly id: string;
  /** One look at a time, and what follows from it. */
  private last: Promise<unknown> = Promise.resolve();
  private hasTap = false;
  private wasPlugged = false;
  private isClosed = false;
  private card: number | undefined;
  /** What the guest was told, as JSON. */
  private told: string | undefined;
  private readonly noticed = new Set<string>();
  private watching: NamespaceWatch | undefined;

  constructor(namespace: Namespace, { connector, relay, ports, id }: NetnsParts) {
    this.namespace = namespace;
    this.connector = connector;
    this.relay = relay;
    this.ports = ports;
    this.id = id;
  }

  async plug(card: Card): Promise<GuestNetwork> {
    await moveTap(asTap(card), this.namespace);
    this.hasTap = true;
    this.wasPlugged = true;
    await this.ports?.begin();
    const network = await this.inTurn(() => this.look());
    if (network !== undefined) return network;
    throw new NkError("NETWORK", `the VM's tap is gone from the network namespace ${this.namespace.given}`);
  }

  watch(onChange: (network: GuestNetwork) => void): void {
    let isQueued = false;
    const look = async (): Promise<void> => {
      isQueued = false;
      const network = await this.look();
      if (network !== undefined) onChange(network);
    };
    this.watching = watchNamespace(this.namespace.path, () => {
      // One that has not begun yet will see this change as well.
      if (isQueued) return;
      isQueued = true;
      this.inTurn(look).catch((error: unknown) =>
        warnings.publish(
          `the container's network has changed, and the VM's has not: ${asNkError(error).message}`,
        ),
      );
    });
  }

  refresh(): Promise<GuestNetwork | undefined> {
    return this.inTurn(() => this.look());
  }

  async close(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    await this.watching?.end();
    await this.inTurn(() => this.giveBack()).catch((error: unknown) =>
      warnings.publish(
        `the network namespace ${this.namespace.given} is not as it was: ${asNkError(error).message}`,
      ),
    );
    this.namespace.close();
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.last.then(work);
    this.last = turn.catch(() => {});
    return turn;
  }

  private async look(): Promise<GuestNetwork | undefined> {
    if (this.isClosed || !this.hasTap) return undefined;
    const before = this.told;
    const network = await this.connect();
    return this.told === before ? undefined : network;
  }

  /** Makes tap and interfaces one, as the namespace is now. @returns what the guest is to be told; undefined: the tap is gone */
  private async connect(): Promise<GuestNetwork | undefined> {
    let tried = "";
    for (let attempt = 1; ; attempt++) {
      let state = await readNamespace(this.namespace.path);
      if (hasTap(state) && (await this.relay.serve(state))) state = await readNamespace(this.namespace.path);
      const tap = state.links.find(({ name }) => name === TAP);
      if (tap === undefined) return this.tapIsGone();
      const carried = this.relay.carry(this.choose(state), state.links);
      try {
        await fitTap(this.namespace.path, this.id, tap, carried);
        await this.connector.apply(state, carried);
        return this.tell(state, carried);
      } catch (error) {
        const links = JSON.stringify(carried.links);
        if (links === tried || attempt === MAX_ATTEMPTS) throw error;
        tried = links;
      }
    }
  }

  /** Of what comes later than the card, only as much as can be connected. */
  private choose(state: NamespaceState): Carried {
    const { links, notices } = chooseCarried(state, this.card);
    const max = this.card === undefined ? links.length : this.connector.maxLinks;
    const left = links
      .slice(max)
      .map(({ name }) => `${notGiven(name)}: on this host it can have ${max} alone`);
    return { links: links.slice(0, max), notices: [...notices, ...left] };
  }

  /** With its VMM. */
  private async tapIsGone(): Promise<undefined> {
    this.hasTap = false;
    await this.watching?.end();
    await this.relay.end();
  }

  private async giveBack(): Promise<void> {
    await this.ports?.end();
    await this.relay.end();
    if (!this.wasPlugged) return;
    const state = await readNamespace(this.namespace.path);
    if (hasTap(state)) await silenceTap(this.namespace.path);
    await this.connector.undo(state);
  }

  private tell(state: NamespaceState, carried: Carried): GuestNetwork {
    const { network, notices } = guestNetwork(state, carried);
    for (const notice of [...carried.notices, ...notices]) {
      if (!this.noticed.has(notice)) warnings.publish(notice);
      this.noticed.add(notice);
    }
    this.card = carried.links[0]?.index;
    this.told = JSON.stringify(network);
    return network;
  }
}

function hasTap({ links }: NamespaceState): boolean {
  return links.some(({ name }) => name === TAP);
}
