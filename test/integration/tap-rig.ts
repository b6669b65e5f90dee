// Namespaces that stand for a host, the internet behind it, VMMs and guests; each rig has its own, and nothing of the machine's network is touched.
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { GuestNetwork } from "../../src/agent/guest-network.ts";
import type { NetDevice } from "../../src/host/net-device.ts";
import { formatAddress, parseAddress } from "../../src/network/ip-address.ts";
import { scaled } from "../fixtures/scaled.ts";
import { bundleWorker, Worker } from "./tap-monitor.ts";

/** Of the host, and of the machine beyond it. */
export const HOST = { v4: "198.51.100.1", v6: "2001:db8:1::1" };
export const FAR = { v4: "198.51.100.2", v6: "2001:db8:1::2" };

let serial = 0;

export class TapRig {
  readonly host: string;
  readonly far: string;
  private readonly prefix: string;
  /** Of the workers' program, which other users run too. */
  private readonly files = mkdtempSync(join(tmpdir(), "nk-tap-"));
  private readonly bundle: string;
  private readonly workers: Worker[] = [];
  private readonly children: ChildProcess[] = [];

  constructor() {
    serial += 1;
    chmodSync(this.files, 0o755);
    this.bundle = bundleWorker(this.files);
    this.prefix = `nk-test-${process.pid}-${serial}`;
    this.host = this.namespace("host");
    this.far = this.namespace("far");
    // A new namespace has what the machine's own has.
    this.run(
      this.host,
      "echo 0 >/proc/sys/net/ipv4/ip_forward; echo 0 >/proc/sys/net/ipv6/conf/all/forwarding",
    );
    this.ip(this.host, `link add eth0 type veth peer name eth0 netns ${this.far}`);
    for (const [netns, own] of [
      [this.host, HOST],
      [this.far, FAR],
    ] as const) {
      this.ip(netns, "link set eth0 up", `address add ${own.v4}/24 dev eth0`);
      this.ip(netns, `address add ${own.v6}/64 dev eth0 nodad`);
    }
    this.ip(this.host, `route add default via ${FAR.v4}`, `route add default via ${FAR.v6}`);
  }

  worker(env?: Record<string, string>, within?: readonly string[]): Worker {
    const made = new Worker(this.host, this.bundle, env, within);
    this.workers.push(made);
    return made;
  }

  /** Plugs a card into an open network. @returns the namespace that is its guest, which is as it is told to be */
  async guest(worker: Worker, id: string): Promise<{ netns: string; network: GuestNetwork }> {
    const card = this.card(id);
    const network = (await worker.must({ do: "plug", id, card })) as GuestNetwork;
    const netns = this.guestOf(id);
    this.configure(netns, network);
    return { netns, network };
  }

  /** What stands for the tap of a VMM, in a namespace of its own. */
  card(id: string): NetDevice {
    const vmm = this.namespace(`v-${id}`);
    this.namespace(`g-${id}`);
    this.ip(vmm, `link add tap0 type veth peer name card netns ${this.guestOf(id)}`);
    return { netns: `/run/netns/${vmm}`, name: "tap0" };
  }

  private guestOf(id: string): string {
    return `${this.prefix}-g-${id}`;
  }

  /** What the agent does in a guest. */
  private configure(netns: string, { links, routes, neighbours }: GuestNetwork): void {
    for (const { name, mac, mtu, addresses } of links) {
      this.ip(netns, `link set card name ${name} address ${mac} mtu ${mtu}`, `link set ${name} up`);
      for (const { address, prefix, broadcast } of addresses)
        this.ip(
          netns,
          `address add ${address}/${prefix} ${broadcast === undefined ? "nodad" : `broadcast ${broadcast}`} dev ${name}`,
        );
    }
    for (const { destination, hops, metric, protocol } of routes)
      this.ip(
        netns,
        `route add ${destination} via ${hops[0]?.gateway} dev ${hops[0]?.link} metric ${metric} proto ${protocol}`,
      );
    for (const { link, address, mac } of neighbours)
      this.ip(netns, `neighbour replace ${address} lladdr ${mac} dev ${link} nud permanent`);
  }

  namespace(name: string): string {
    const netns = `${this.prefix}-${name}`;
    execFileSync("ip", ["netns", "add", netns]);
    this.ip(netns, "link set lo up");
    // Link-local addresses can be used at once.
    this.run(netns, "echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad");
    return netns;
  }

  ip(netns: string, ...lines: string[]): void {
    execFileSync("ip", ["-netns", netns, "-batch", "-"], {
      input: lines.map((line) => `${line}\n`).join(""),
    });
  }

  nft(netns: string, rules: string): void {
    this.run(netns, "nft -f -", rules);
  }

  /** What a command in a namespace writes, trimmed. @throws when it fails */
  run(netns: string, command: string, input = ""): string {
    const argv = ["netns", "exec", netns, "timeout", "20", "sh", "-c", command];
    return execFileSync("ip", argv, { encoding: "utf8", input, stdio: ["pipe", "pipe", "pipe"] }).trim();
  }

  /** Tells each client its address and then what it said, over TCP and UDP, IPv4 and IPv6, as soon as it listens. */
  async serve(netns: string, port: number): Promise<void> {
    const tell = `SYSTEM:echo $SOCAT_PEERADDR; cat`;
    this.start(netns, ["socat", `TCP6-LISTEN:${port},fork,reuseaddr,ipv6only=0`, tell]);
    const answer = `SYSTEM:read line; echo $SOCAT_PEERADDR $line`;
    this.start(netns, ["socat", `UDP6-RECVFROM:${port},fork,ipv6only=0`, answer]);
    const endMs = performance.now() + scaled(20_000);
    while (this.run(netns, `ss -Hltun "sport = ${port}"`).split("\n").length < 2) {
      if (performance.now() > endMs) throw new Error("socat does not listen");
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  start(netns: string, command: readonly string[]): ChildProcess {
    const child = spawn("nsenter", [`--net=/run/netns/${netns}`, ...command], { stdio: "ignore" });
    this.children.push(child);
    return child;
  }

  /** Who the server sees, and that it answers. @param place as socat names it: "TCP:127.0.0.1:8080", "UDP:[::1]:8080" */
  seenBy(netns: string, place: string): string {
    const [, host = "", port] = /^UDP:\[?(.*?)\]?:(\d+)$/.exec(place) ?? [];
    const byUdp = `bash -c 'exec 3<>/dev/udp/${host}/${port} && echo hello >&3 && timeout 5 head -n 1 <&3'`;
    const command = port === undefined ? `socat -t 5 -T 5 - ${place}` : byUdp;
    const answer = this.run(netns, command, "hello\n").replace("\n", " ");
    const [, seen = answer] = /^\[?(.*?)\]? hello$/.exec(answer) ?? [];
    const address = parseAddress(seen);
    return address === undefined ? seen : formatAddress(address).replace("::ffff:", "");
  }

  /** A router's advertisement from beyond: it is a default router for 1800 s, without a prefix (RFC 4861). */
  advertise(): void {
    const hops = "setsockopt-int=41:18:255";
    const advertisement = "printf '\\206\\0\\0\\0\\100\\0\\007\\010\\0\\0\\0\\0\\0\\0\\0\\0'";
    this.run(this.far, `${advertisement} | socat -u - IP6-SENDTO:[ff02::1]:58,${hops},so-bindtodevice=eth0`);
  }

  sysctl(path: string): string {
    return this.run(this.host, `cat /proc/sys/net/${path}`);
  }

  /** All that a network can leave on the host. */
  traces(): { links: string; rules: string; folder: boolean; forwarding: string[] } {
    return {
      links: this.run(this.host, "ip -brief link | grep -v -e '^lo ' -e '^eth0@' || :"),
      rules: this.run(this.host, "nft list ruleset"),
      folder: existsSync(this.folder()),
      forwarding: [this.sysctl("ipv4/ip_forward"), this.sysctl("ipv6/conf/all/forwarding")],
    };
  }

  folder(): string {
    return `/run/nano-sandbox/~network/${statSync(`/run/netns/${this.host}`).ino}`;
  }

  async close(): Promise<void> {
    for (const worker of this.workers) await worker.kill();
    for (const child of this.children) child.kill("SIGKILL");
    rmSync(this.folder(), { recursive: true, force: true });
    rmSync(this.files, { recursive: true });
    for (const name of readdirSync("/run/netns").filter((found) => found.startsWith(`${this.prefix}-`)))
      execFileSync("ip", ["netns", "delete", name]);
  }
}

export const NOTHING = { links: "", rules: "", folder: false, forwarding: ["0", "0"] };
