import { NkError } from "../../base/errors.ts";
import { describeExit } from "../../host/daemon.ts";
import { spawnDaemon, type DaemonProcess } from "../../host/daemon-process.ts";
import { shadowPath } from "../../host/paths.ts";
import { traced, warnings } from "../../trace/channels.ts";
import { runNetworkCommand } from "../programs.ts";
import { RELAY, type Carried } from "./carry.ts";
import { firstWords } from "./helper-words.ts";
import { randomMac } from "./mac.ts";
import type { LinkState } from "./links.ts";
import type { NamespaceState } from "./read.ts";
import { readResolvers } from "./resolvers.ts";

const WHY =
  "the container's name server listens on the loopback device of its network namespace, which is not the guest's";

/**
 * The name servers of a namespace's loopback, for a guest: a process of ours (native/network/relay.c) with an interface in the namespace, which the guest
 * gets as it gets the others. The interface goes with the process, and that with us.
 */
export class ResolverRelay {
  private readonly netns: string;
  private readonly resolvConf: string | undefined;
  private readonly mac = randomMac();
  private readonly guestMac = randomMac();
  private addresses: string[] = [];
  private helper: DaemonProcess | undefined;
  /** It has failed, which was said. */
  private isLost = false;

  /** @param netns a path @param resolvConf the container's, a file of the host */
  constructor(netns: string, resolvConf: string | undefined) {
    this.netns = netns;
    this.resolvConf = resolvConf;
  }

  /**
   * Serves what the container's resolv.conf names by now; what it has named before, too, as who writes that file may be about to. Never throws: the rest of
   * the network works without.
   * @returns whether the namespace is another now
   */
  async serve({ links }: NamespaceState): Promise<boolean> {
    if (this.isLost || this.resolvConf === undefined) return false;
    const named = readResolvers(this.resolvConf);
    if (named.every((address) => this.addresses.includes(address))) return false;
    const addresses = [...new Set([...named, ...this.addresses])];
    try {
      await this.end();
      if (links.some(({ name }) => name === RELAY)) await removeRelay(this.netns);
      await this.start(addresses);
    } catch (error) {
      this.lose(error instanceof Error ? error.message : String(error));
    }
    return true;
  }

  /** With the interface to the relay, once there is one for its card. */
  carry(carried: Carried, links: readonly LinkState[]): Carried {
    const link = links.find(({ name }) => name === RELAY);
    const { mac, guestMac, addresses } = this;
    if (link === undefined || addresses.length === 0 || carried.links.length === 0) return carried;
    return { ...carried, links: [...carried.links, { ...link, mac: guestMac, relay: { mac, addresses } }] };
  }

  /** Its interface goes first: the kernel would take it away some time after the process. @throws NETWORK */
  async end(): Promise<void> {
    const { helper } = this;
    if (helper === undefined) return;
    this.helper = undefined;
    this.addresses = [];
    await removeRelay(this.netns).finally(() => helper.kill("SIGKILL"));
    await helper.exited;
  }

  private async start(addresses: string[]): Promise<void> {
    const { netns, mac, guestMac } = this;
    const argv = [shadowPath(), "relay-resolver", netns, RELAY, mac, guestMac, ...addresses] as const;
    const name = "relay the name servers of the network namespace";
    await traced("network", name, { why: WHY, what: argv.join(" ") }, async () => {
      const helper = spawnDaemon({ name: "the relay of name servers", argv: [...argv] });
      this.helper = helper;
      await firstWords(helper, "nk-shadow relay-resolver");
      this.addresses = addresses;
      void helper.exited.then((exit) => {
        if (this.helper === helper) this.lose(`nk-shadow relay-resolver ${describeExit(exit)}`);
      });
    });
  }

  private lose(reason: string): void {
    this.isLost = true;
    this.addresses = [];
    warnings.publish(
      `the container finds no names: the name server of its network namespace is not reached: ${reason}`,
    );
  }
}

/** Removes the interface to a relay, if it is there. @throws NETWORK */
export async function removeRelay(netns: string): Promise<void> {
  await runNetworkCommand({
    program: "ip",
    args: ["link", "del", "dev", RELAY],
    netns,
    name: "remove the interface to the name server's relay",
    why: "nobody asks by it any more",
  }).catch((error: unknown) => {
    if (!(error instanceof NkError && /Cannot find device/.test(error.message))) throw error;
  });
}
