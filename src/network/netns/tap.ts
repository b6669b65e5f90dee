import { existsSync } from "node:fs";
import { NkError } from "../../base/errors.ts";
import type { NetDevice } from "../../host/net-device.ts";
import { runBatch, runNetworkCommand } from "../programs.ts";
import { TAP, type Carried } from "./carry.ts";
import type { LinkState } from "./links.ts";
import type { Namespace } from "./namespace.ts";
import { readNamespace } from "./read.ts";

/** Of a tap (drivers/net/tun.c of Linux); some interfaces have a larger one. */
const MAX_MTU = 65_521;
/** The alias of a tap is this and the id of its VM, at most 255 bytes. */
const OWNER = "nano-sandbox ";
const MAX_ALIAS = 255;

/**
 * Moves a VM's tap into a namespace, under our name for it. @throws NETWORK also when another VM's is there already, of which nothing is touched
 */
export async function moveTap(card: NetDevice, to: Namespace): Promise<void> {
  try {
    await runNetworkCommand({
      program: "ip",
      args: ["link", "set", "dev", card.name, "netns", to.path, "name", TAP],
      netns: card.netns,
      name: "move the VM's tap into the container's network namespace",
      why: "the VMM holds it by a descriptor, wherever it is",
    });
  } catch (error) {
    if (error instanceof NkError && /File exists/.test(error.message)) throw await takenTap(to);
    throw error;
  }
}

/** Two VMs cannot both have what is in a namespace. */
async function takenTap({ given, path }: Namespace): Promise<NkError> {
  const { links } = await readNamespace(path);
  const alias = links.find(({ name }) => name === TAP)?.alias;
  const vm = alias?.startsWith(OWNER) ? `the VM ${alias.slice(OWNER.length)}` : "another VM";
  return new NkError(
    "NETWORK",
    `the network namespace ${given} is that of ${vm}, which would be cut off (its tap ${TAP} is there): end that first, or use --vm-net=none`,
  );
}

/**
 * Writes down whose tap it is, keeps the kernel from sending frames of its own on it, and gives it the largest MTU of what it stands for. Without any, the
 * guest's card has no carrier. @param id of the VM @throws NETWORK
 */
export async function fitTap(netns: string, id: string, tap: LinkState, carried: Carried): Promise<void> {
  const lines = tapLines(id, tap, carried, existsSync("/proc/net/if_inet6"));
  if (lines.length > 0)
    await runIp(netns, lines, "fit the VM's tap", "it carries the frames of all interfaces, the largest too");
}

function tapLines(id: string, tap: LinkState, { links }: Carried, hasIpv6: boolean): string[] {
  const mtu = Math.min(MAX_MTU, Math.max(tap.mtu, ...links.map((link) => link.mtu)));
  const isUp = links.length > 0;
  const isNew = tap.alias === undefined;
  const changes = [
    ...(isNew ? [`alias "${`${OWNER}${id}`.slice(0, MAX_ALIAS)}"`] : []),
    ...(isNew && hasIpv6 ? ["addrgenmode none"] : []),
    ...(tap.mtu === mtu ? [] : [`mtu ${mtu}`]),
    ...(tap.isUp === isUp ? [] : [isUp ? "up" : "down"]),
  ];
  return changes.map((change) => `link set dev ${TAP} ${change}\n`);
}

/** The guest's frames go nowhere from now on. @throws NETWORK */
export async function silenceTap(netns: string): Promise<void> {
  const line = `link set dev ${TAP} down\n`;
  await runIp(netns, [line], "disconnect the VM's tap", "the namespace is its owner's alone again");
}

async function runIp(netns: string, lines: string[], name: string, why: string): Promise<void> {
  await runBatch({ program: "ip", input: lines.join(""), netns, name, why });
}
