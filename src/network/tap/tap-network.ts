import type { GuestNetwork } from "../../agent/guest-network.ts";
import { complain } from "../../base/logger.ts";
import { asTap, type Card } from "../../host/card.ts";
import type { Network } from "../network.ts";
import { runNetworkCommand } from "../programs.ts";
import { runIp } from "./apply.ts";
import { MIN_IPV6_MTU } from "./bridge.ts";
import { hasIpv6, readFacts } from "./facts.ts";
import { namespaceFolder } from "./folder.ts";
import { guestNetwork } from "./guest.ts";
import { withLockIfThere } from "./lock.ts";
import type { HeldPorts } from "./ports.ts";
import { settle } from "./settle.ts";
import type { Taken } from "./take.ts";

/** A lease of a bridge with the ports that are published for it. */
export class TapNetwork implements Network {
  private readonly taken: Taken;
  private readonly ports: HeldPorts;
  private readonly hostname: string;
  private closed: Promise<void> | undefined;

  constructor(taken: Taken, ports: HeldPorts, hostname: string) {
    this.taken = taken;
    this.ports = ports;
    this.hostname = hostname;
  }

  async plug(card: Card): Promise<GuestNetwork> {
    const { lease, bridge } = this.taken;
    const { name, netns } = asTap(card);
    await runNetworkCommand({
      program: "ip",
      // By our pid: "self" would be the program's own.
      args: ["link", "set", "dev", name, "netns", `/proc/${process.pid}/ns/net`, "name", lease.tap],
      netns,
      name: "move the tap to the host",
      why: "the VMM has it open, and does not notice where it is",
    });
    // The tap is a port: it needs no address of its own.
    const noAddress = hasIpv6() && bridge.mtu >= MIN_IPV6_MTU ? "addrgenmode none " : "";
    await runIp(
      [`link set dev ${lease.tap} master ${bridge.name} mtu ${bridge.mtu} ${noAddress}up`],
      "plug the tap into the bridge",
      "from now on the VM's card is on the network",
    );
    return guestNetwork(this.taken, this.hostname);
  }

  /** What the guest has does not change. */
  watch(): void {}

  async refresh(): Promise<undefined> {
    return undefined;
  }

  close(): Promise<void> {
    this.closed ??= this.giveBack().catch(complain);
    return this.closed;
  }

  private async giveBack(): Promise<void> {
    this.ports.close();
    const { lease, bridge } = this.taken;
    await withLockIfThere(namespaceFolder(), async () => {
      await settle(bridge.name, await readFacts(), lease);
    });
  }
}
