import { isIPv6 } from "node:net";
import type { GuestNetwork } from "../../agent/guest-network.ts";
import { NkError } from "../../base/errors.ts";
import { writeStderr } from "../../base/logger.ts";
import type { Card, OwnNetwork } from "../../host/card.ts";
import { readIfThere } from "../../state/read-if-there.ts";
import { traced } from "../../trace/channels.ts";
import type { Network, NetworkKind, NetworkRequest, Publication } from "../network.ts";
import { formatPublication } from "../publication.ts";
import { HeldPorts } from "../tap/ports.ts";
import { userGuest } from "./guest.ts";
import { Passt, PASST_MTU } from "./passt.ts";

/** Of QEMU's own network. */
const OWN_MTU = 1500;
/** For QEMU, which is a user of the VM's own (ip-sysctl.rst). */
const FIRST_PORT = "/proc/sys/net/ipv4/ip_unprivileged_port_start";

/** A network in a program: passt beside the VMM, or the VMM itself. Nothing of the host is changed, so that nothing is left when those have ended. */
export const user: NetworkKind = {
  async open(request: NetworkRequest): Promise<Network> {
    const publish = request.spec.kind === "user" ? request.spec.publish : [];
    request.journal({ kind: "user", publish: publish.map(formatPublication) });
    return new UserNetwork(request, publish, await HeldPorts.hold(publish));
  },
  release: async () => {},
};

class UserNetwork implements Network {
  private readonly request: NetworkRequest;
  private readonly publish: readonly Publication[];
  private readonly ports: HeldPorts;
  private passt: Passt | undefined;

  constructor(request: NetworkRequest, publish: readonly Publication[], ports: HeldPorts) {
    this.request = request;
    this.publish = publish;
    this.ports = ports;
  }

  async plug(card: Card): Promise<GuestNetwork> {
    const { publish, request } = this;
    const hasIpv6 = hasDefaultRoute(readIfThere("/proc/net/ipv6_route") ?? "");
    checkIpv6(publish, card, hasIpv6);
    this.ports.close();
    if ("socket" in card) this.passt = await Passt.start(card, { hasIpv6, publish });
    else if ("forward" in card) await forwardAll(card, publish);
    else throw new NkError("INTERNAL", "--vm-net=user: the VM was started with a tap");
    return userGuest(request.hostname, this.passt ? PASST_MTU : OWN_MTU, hasIpv6);
  }

  /** What becomes of the host's network is not the guest's to know; the end of passt cannot be mended. */
  watch(): void {
    void this.passt?.lost.then((reason) =>
      writeStderr(`${this.request.id} has no network any more: ${reason}\n`),
    );
  }

  async refresh(): Promise<undefined> {}

  async close(): Promise<void> {
    this.ports.close();
    await this.passt?.stop();
  }
}

async function forwardAll(card: OwnNetwork, publish: readonly Publication[]): Promise<void> {
  const why = "QEMU listens on the host, and connects to the guest";
  const first = Number(readIfThere(FIRST_PORT) ?? 1024);
  for (const publication of publish) {
    const what = formatPublication(publication);
    if (publication.hostPort < first)
      throw new NkError(
        "NETWORK",
        `cannot publish ${what}: QEMU's own network has no port of root's: take one from ${first} on, or install passt of August 2024 or later`,
      );
    await traced("network", "publish a port", { why, what }, () => card.forward(publication));
  }
}

/** @throws NETWORK for a port of IPv6 that nothing would lead to the guest */
function checkIpv6(publish: readonly Publication[], card: Card, hasIpv6: boolean): void {
  const port = publish.find(({ address }) => isIPv6(address ?? ""));
  if (port === undefined || ("socket" in card && hasIpv6)) return;
  const reason = hasIpv6
    ? "QEMU's own network has no ports of IPv6: install passt of August 2024 or later"
    : "this host has no default route of IPv6, and so the guest has no address: use an IPv4 address";
  throw new NkError("NETWORK", `cannot publish ${formatPublication(port)}: ${reason}`);
}

/** @param routes as /proc/net/ipv6_route has them: destination, its prefix, …, device. The kernel's own unreachable ones are on lo */
export function hasDefaultRoute(routes: string): boolean {
  return routes.split("\n").some((line) => {
    const [destination, prefix, ...others] = line.trim().split(/\s+/);
    return /^0+$/.test(destination ?? "") && prefix === "00" && others.at(-1) !== "lo";
  });
}
