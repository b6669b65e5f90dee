import type { GuestNetwork } from "../agent/guest-network.ts";
import type { Card } from "../host/card.ts";
import type { NetworkRecord } from "../state/network-record.ts";

/**
 * What a VM's card is connected to. A kind is one file of this room and one row of kinds.ts; nothing above names one.
 *
 * The VM has its card since its boot, and a guest that has not configured it: a tap of the host in a namespace where nothing else is, held open by the
 * VMM; or, for `user`, what a program serves.
 *
 * Order of calls, in the monitor: `open` → `plug` → any number of changes → `close`.
 * - `open` gets what must be unique or may fail (addresses, ports, the host's bridge and rules). It needs neither VM nor guest, so it is done beside the
 *   boot; but after the hooks of the host, which may put interfaces into the container's namespace. It calls `journal` with all it is about to have
 *   before it has any of it; whoever finds that record later can release it without this process (`release`). When it throws, nothing is left.
 * - `plug` connects the card, and says what the guest is to be told. After it failed only `close` may be called.
 * - `watch` is called once after `plug`; `onChange` is told what the guest should have whenever that is something else. It never throws.
 * - `refresh` looks now, as before the container's process starts: what is there by then is in its answer or has been told to `onChange`.
 * - `close` takes all of it back, also after any failure, also twice. A card that is plugged stays where it is: it goes with the VMM.
 *
 * `release` (of the kind) does the same from a record alone, for the command that finds a dead monitor's; also twice, also when nothing was left.
 */
export interface Network {
  /** @throws NETWORK */
  plug(card: Card): Promise<GuestNetwork>;
  watch(onChange: (network: GuestNetwork) => void): void;
  /** What the guest should have, if that is something else than it was told last. @throws NETWORK */
  refresh(): Promise<GuestNetwork | undefined>;
  /** Never rejects: what could not be taken back is said to the monitor's log. */
  close(): Promise<void>;
}

export interface NetworkKind {
  /** @throws NETWORK, with what is missing on this host */
  open(request: NetworkRequest): Promise<Network>;
  /** @throws NETWORK */
  release(record: NetworkRecord): Promise<void>;
}

/** What a network is opened for. */
export interface NetworkRequest {
  spec: NetworkSpec;
  /** Of the VM, for names and messages. */
  id: string;
  /** Writes the record down before anything of it is there. @throws */
  journal: (record: NetworkRecord) => void;
  /** The network namespace of the container, as a path; undefined: the VM was made for no container yet. */
  netns?: string | undefined;
  /** Control socket of the VM's monitor, where ports of the guest can be asked for. */
  monitor: string;
  /** The guest's host name, for /etc/hosts. */
  hostname: string;
}

/** What is asked for, when `auto` has been settled. It is plain data, as JSON is. */
export type NetworkSpec =
  | { kind: "none" }
  /** A card on a bridge of the host. */
  | TapSpec
  /** What the container's network namespace has. */
  | NetnsSpec
  /** A network in a program, for who may change nothing on the host. */
  | { kind: "user"; publish: Publication[] };

export interface NetnsSpec {
  kind: "netns";
  path?: string | undefined;
  /** The file of the host that the container has as its resolv.conf. */
  resolvConf?: string | undefined;
  /** Somebody connects to servers of the guest from within the namespace: Kubernetes to forward ports of a pod, a user's podman to publish them. */
  forwardsPorts?: boolean | undefined;
}

export interface TapSpec {
  kind: "tap";
  /** At most 15 bytes. */
  bridge: string;
  /** "10.87.0.0/16": the first address is the bridge's. */
  subnet: string;
  /** An IPv6 prefix of at most 112 bits; undefined: none. */
  subnet6?: string | undefined;
  publish: Publication[];
}

/** A port of the host that leads to one of the container. */
export interface Publication {
  /** An address of the host; undefined: all of them. */
  address?: string;
  hostPort: number;
  port: number;
  protocol: "tcp" | "udp";
}
