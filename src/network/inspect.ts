import { statSync } from "node:fs";
import { asNkError, NkError } from "../base/errors.ts";
import { isObject, parseJson } from "../base/json.ts";
import type { NetDevice } from "../host/net-device.ts";
import type { NetnsRecord, NetworkRecord } from "../state/network-record.ts";
import { runNetworkCommand } from "./programs.ts";
import { tableOf } from "./tap/rules.ts";

const WHY = "what the host's kernel says of it now";

/** The tap of a VM as it is, for people. */
export interface NetworkView {
  record: NetworkRecord;
  tap?: TapView;
}

export interface TapView extends NetDevice {
  mac: string;
  mtu: number;
  state: "up" | "down";
  /** As the guest sees it: received is what the host has sent to it. */
  received: Counters;
  sent: Counters;
  /** What `tc` and `nft` have about it, in their words. */
  rules: string;
}

export interface Counters {
  bytes: number;
  packets: number;
  dropped: number;
}

/** Processes in the network namespaces where a VM's container and its monitor are. */
export interface NetworkPids {
  container: number;
  monitor: number;
}

/** Where the tap of a VM is; undefined: its network has none. */
export function tapOf(record: NetworkRecord, pids: NetworkPids): NetDevice | undefined {
  if (record.kind === "tap") return { netns: `/proc/${pids.monitor}/ns/net`, name: record.tap };
  if (record.kind === "netns") return { netns: pathOf(record, pids.container), name: record.tap };
  return undefined;
}

/** A namespace is there as long as somebody is in it, also when its name is gone, or another's. */
function pathOf({ netns, inode }: NetnsRecord, pid: number): string {
  return statSync(netns, { throwIfNoEntry: false })?.ino === inode ? netns : `/proc/${pid}/ns/net`;
}

/** @throws NETWORK when the tap is not where the record says */
export async function inspectNetwork(record: NetworkRecord, pids: NetworkPids): Promise<NetworkView> {
  const tap = tapOf(record, pids);
  if (tap === undefined) return { record };
  const [link, rules] = await Promise.all([readLink(tap), readRules(record, tap)]);
  return { record, tap: { ...tap, ...link, rules } };
}

async function readLink(tap: NetDevice): Promise<Omit<TapView, keyof NetDevice | "rules">> {
  const { name, netns } = tap;
  const args = ["-s", "-j", "link", "show", "dev", name];
  const text = await runNetworkCommand({ program: "ip", args, netns, name: "look at the tap", why: WHY });
  const links = parseJson(text, "ip -s -j link");
  const link: unknown = Array.isArray(links) ? links[0] : undefined;
  if (!isObject(link) || !isObject(link["stats64"]))
    throw new NkError("NETWORK", `expected statistics of ${name} from ip, found ${text.slice(0, 200)}`);
  // What the host receives from a tap is what the guest has sent.
  const { rx, tx } = link["stats64"];
  return {
    mac: String(link["address"]),
    mtu: Number(link["mtu"]),
    // The kernel's operstate of a tap is UNKNOWN even when frames pass.
    state: Array.isArray(link["flags"]) && link["flags"].includes("UP") ? "up" : "down",
    received: counters(tx),
    sent: counters(rx),
  };
}

function counters(of: unknown): Counters {
  const number = (name: string): number => (isObject(of) ? Number(of[name] ?? 0) : 0);
  return { bytes: number("bytes"), packets: number("packets"), dropped: number("dropped") };
}

async function readRules(record: NetworkRecord, { name, netns }: NetDevice): Promise<string> {
  if (record.kind === "tap") {
    const table = `inet ${tableOf(record.bridge)}`;
    const args = ["list", "table", ...table.split(" ")];
    return runNetworkCommand({ program: "nft", args, netns, name: "look at the rules", why: WHY }).catch(
      (error: unknown) => withoutTable(error, table, record.bridge),
    );
  }
  const args = ["-s", "filter", "show", "dev", name, "ingress"];
  return runNetworkCommand({ program: "tc", args, netns, name: "look at the redirections", why: WHY });
}

/** Somebody has removed it: the rest is to be seen all the same. */
function withoutTable(error: unknown, table: string, bridge: string): string {
  if (!asNkError(error).message.includes("No such file or directory")) throw error;
  return `expected the table ${table}, found none: it is made again with the next VM that comes to ${bridge} or leaves it\n`;
}
