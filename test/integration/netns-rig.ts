import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { GuestNetwork } from "../../src/agent/guest-network.ts";
import type { Network } from "../../src/network/network.ts";
import { openNetns } from "../../src/network/netns/kind.ts";
import type { NetworkRecord } from "../../src/state/network-record.ts";
import { configureGuest, ip, run } from "./netns-guest.ts";
import { staticProgram } from "../fixtures/static-program.ts";

export const WORKS = { works: true, reason: "the test says so" };
export const DROPS = { works: false, reason: "the test says that this host's kernel drops them" };

let rigs = 0;

/**
 * Network namespaces: `container`, into which a caller has put interfaces; `peer`, where their other sides are; `vmm`, where a VM's tap is first; `guest`,
 * which stands for the guest. A process has the VM's tap and the guest's card, and passes frames between them as a VMM does.
 */
export class NetnsRig {
  private readonly prefix = `nk-test-${process.pid}-${++rigs}`;
  readonly container = `${this.prefix}-c`;
  readonly peer = `${this.prefix}-p`;
  readonly vmm = `${this.prefix}-v`;
  readonly guest = `${this.prefix}-g`;
  readonly records: NetworkRecord[] = [];
  private readonly networks: Network[] = [];
  private machine: ChildProcess | undefined;

  constructor() {
    for (const name of this.all()) execFileSync("ip", ["netns", "add", name]);
    for (const name of this.all()) ip(name, "link set lo up");
    // What a namespace has does not change later, when an address is known to be nobody else's.
    run(this.container, "sh", "-c", "echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad");
  }

  /** A pair of interfaces with that name in both namespaces. */
  veth(name: string, options = "", addresses: string[] = []): void {
    ip(this.container, `link add ${name} ${options} type veth peer name ${name} netns ${this.peer}`);
    ip(this.peer, `link set ${name} ${options} up`);
    ip(this.container, `link set ${name} up`);
    this.addresses(this.container, name, addresses);
  }

  /** An interface of each name, whose peer is the .1 of its subnet. */
  interfaces(names: Record<string, number>): void {
    for (const [name, subnet] of Object.entries(names)) {
      this.veth(name, "", [`10.${subnet}.0.2/24`]);
      this.addresses(this.peer, name, [`10.${subnet}.0.1/24`]);
    }
  }

  addresses(namespace: string, name: string, addresses: string[]): void {
    for (const address of addresses)
      ip(namespace, `addr add ${address} dev ${name} ${address.includes(":") ? "nodad" : ""}`);
  }

  /** The tap `vm0` in `vmm` and the card `card` in `guest`. */
  async bootVm(): Promise<void> {
    const argv = ["netns", "exec", this.vmm, staticProgram("two-taps"), "vm0", "card"];
    this.machine = spawn("ip", argv, { stdio: ["ignore", "pipe", "inherit"] });
    if (this.machine.stdout !== null) await once(this.machine.stdout, "data");
    ip(this.vmm, `link set card netns ${this.guest}`);
    ip(this.guest, "link set card up");
  }

  async endVm(): Promise<void> {
    const machine = this.machine;
    this.machine = undefined;
    if (machine === undefined || !machine.kill("SIGKILL")) return;
    await once(machine, "exit");
  }

  /** @param resolvConf a file of the host that the container has as its own */
  async open(verdict = WORKS, resolvConf?: string): Promise<Network> {
    const network = await openNetns(
      {
        spec: { kind: "netns", resolvConf },
        id: "box",
        netns: `/run/netns/${this.container}`,
        hostname: "box",
        monitor: "/nowhere",
        journal: (record) => this.records.push(record),
      },
      async () => verdict,
    );
    this.networks.push(network);
    return network;
  }

  async plug(network: Network): Promise<GuestNetwork> {
    return network.plug({ netns: `/run/netns/${this.vmm}`, name: "vm0" });
  }

  /** Makes the guest's network what it is to be. */
  configure(network: GuestNetwork): void {
    configureGuest(this.guest, network);
  }

  ping(from: string, to: string, ...options: string[]): void {
    run(from, "ping", "-c", "1", "-W", "5", ...options, to);
  }

  /** The MAC that a namespace has found for an address. */
  macOf(namespace: string, address: string): string | undefined {
    return /lladdr (\S+)/.exec(ip(namespace, `neigh show ${address}`))?.[1];
  }

  mac(namespace: string, name: string): string | undefined {
    return /link\/ether (\S+)/.exec(ip(namespace, `link show ${name}`))?.[1];
  }

  /** What close must leave as it was. */
  traces(): string {
    const state = ["-d addr", "route show table all", "-6 route show table all", "rule"].map((what) =>
      ip(this.container, what),
    );
    return [...state, run(this.container, "tc", "qdisc")]
      .join("\n")
      .replace(/promiscuity \d+ (allmulti \d+ )?/g, "");
  }

  async close(): Promise<void> {
    for (const network of this.networks) await network.close();
    await this.endVm();
    for (const name of this.all()) execFileSync("ip", ["netns", "del", name]);
  }

  private all(): string[] {
    return [this.container, this.peer, this.vmm, this.guest];
  }
}
