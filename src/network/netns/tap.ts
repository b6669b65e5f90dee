import { NkError } from "../../base/errors.ts";
import type { NetDevice } from "../../host/net-device.ts";
import { runNetworkCommand } from "../programs.ts";
import { TAP, type Carried } from "./carry.ts";
import type { LinkState } from "./links.ts";
import type { Namespace } from "./namespace.ts";

/** Of a tap (drivers/net/tun.c of Linux); some interfaces have a larger one. */
const MAX_MTU = 65_521;
/** The alias of a tap is this and the id of its VM, at most 255 bytes. */
const OWNER = "nano-sandbox ";
const MAX_ALIAS = 255;

/** Whose the tap in a namespace is, for people. */
export function ownerOf({ alias }: LinkState): string | undefined {
  return alias?.startsWith(OWNER) ? alias.slice(OWNER.length) : undefined;
}

/** Two VMs cannot both have what is in a namespace. */
export function takenTap(given: string, owner: string | undefined): NkError {
  const vm = owner === undefined ? "another VM" : `the VM ${owner}`;
  return new NkError(
    "NETWORK",
    `the network namespace ${given} is that of ${vm}, which would be cut off (its tap ${TAP} is there): end that first, or use --vm-net=none`,
  );
}

/**
 * Moves a VM's tap into a namespace, under our name for it, and writes down whose it is. The kernel sends no frames of its own on it.
 * @throws NETWORK also when another VM's is there already, of which nothing is touched
 */
export async function moveTap(card: NetDevice, to: Namespace, id: string, hasIpv6: boolean): Promise<void> {
  await runNetworkCommand({
    program: "ip",
    args: ["link", "set", "dev", card.name, "netns", to.path, "name", TAP],
    netns: card.netns,
    name: "move the VM's tap into the container's network namespace",
    why: "the VMM holds it by a descriptor, wherever it is",
  }).catch((error: unknown) => {
    if (error instanceof NkError && /File exists/.test(error.message)) throw takenTap(to.given, undefined);
    throw error;
  });
  const alias = `${OWNER}${id}`.slice(0, MAX_ALIAS);
  const lines = [`alias "${alias}"`, ...(hasIpv6 ? ["addrgenmode none"] : [])];
  await runIp(
    to.path,
    lines.map((line) => `link set dev ${TAP} ${line}\n`),
    "mark the VM's tap",
    "who finds it there knows whose it is",
  );
}

/** Gives the tap the largest MTU of what it stands for; without any, the guest's card has no carrier. @throws NETWORK */
export async function fitTap(netns: string, tap: LinkState, { links }: Carried): Promise<void> {
  const mtu = Math.min(MAX_MTU, Math.max(tap.mtu, ...links.map((link) => link.mtu)));
  const isUp = links.length > 0;
  const changes = [
    ...(tap.mtu === mtu ? [] : [`mtu ${mtu}`]),
    ...(tap.isUp === isUp ? [] : [isUp ? "up" : "down"]),
  ];
  if (changes.length === 0) return;
  const line = `link set dev ${TAP} ${changes.join(" ")}\n`;
  await runIp(netns, [line], "fit the VM's tap", "it carries the frames of all interfaces, the largest too");
}

/** The guest's frames go nowhere from now on. @throws NETWORK */
export async function silenceTap(netns: string): Promise<void> {
  const line = `link set dev ${TAP} down\n`;
  await runIp(netns, [line], "disconnect the VM's tap", "the namespace is its owner's alone again");
}

async function runIp(netns: string, lines: string[], name: string, why: string): Promise<void> {
  await runNetworkCommand({ program: "ip", args: ["-batch", "-"], input: lines.join(""), netns, name, why });
}
