import { NetworkLab } from "../fixtures/network/lab.ts";
import type { BundleOptions } from "../fixtures/make-bundle.ts";
import { Runtime } from "./runtime.ts";

/** What `ping` needs beyond the usual. */
const CAPABILITIES = [
  "CAP_NET_BIND_SERVICE",
  "CAP_NET_RAW",
  "CAP_NET_ADMIN",
  "CAP_KILL",
  "CAP_SETUID",
  "CAP_SETGID",
];

/** Empty files, as images have them, into which the VM's own are bound. */
const FILES = { "etc/hosts": "", "etc/resolv.conf": "" };

const HOST_STATE = [
  "ip -o link",
  "nft list tables",
  "sysctl net.ipv4.ip_forward net.ipv6.conf.all.forwarding net.ipv6.conf.uplink.accept_ra",
  "ls /run/nano-sandbox/~network/$(stat -Lc %i /proc/self/ns/net) 2>/dev/null || true",
].join("; ");

/** The runtime in the host of a network lab. */
export class NetworkRig implements AsyncDisposable {
  readonly lab: NetworkLab;
  readonly runtime: Runtime;

  private constructor(lab: NetworkLab, flags: string[]) {
    this.lab = lab;
    this.runtime = new Runtime(...flags);
    this.runtime.launcher = lab.inside(lab.host);
    this.runtime.settings = undefined;
  }

  static async make(...flags: string[]): Promise<NetworkRig> {
    return new NetworkRig(await NetworkLab.make(), flags);
  }

  /** A container that runs until it is deleted, and may use the network as it likes. */
  background(options: BundleOptions = {}, flags: string[] = []): Promise<string> {
    return this.runtime.background({ capabilities: CAPABILITIES, files: FILES, ...options }, flags);
  }

  /** A shell's line in the container; what it prints. */
  shell(id: string, line: string): Promise<string> {
    return this.runtime.ok(["exec", id, "sh", "-c", line]);
  }

  /** A line in the namespace of the host. */
  onHost(line: string): Promise<string> {
    return this.lab.run(this.lab.host, ["sh", "-c", line]);
  }

  /** All that a bridge of ours changes on the host. */
  hostState(): Promise<string> {
    return this.onHost(HOST_STATE);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.runtime[Symbol.asyncDispose]();
    } finally {
      await this.lab.close();
    }
  }
}
