import { rmSync } from "node:fs";
import { dirname } from "node:path";
import { complain } from "../../base/logger.ts";
import { traced } from "../../trace/channels.ts";
import { runBatch, runNetworkCommand } from "../programs.ts";
import { bridgeLines } from "./bridge.ts";
import { findBridge } from "./check.ts";
import type { HostFacts } from "./facts.ts";
import { bridgesIn } from "./folder.ts";
import type { Lease } from "./lease.ts";
import { readBefore, writeBefore, type BridgeRecord, type SysctlValue } from "./records.ts";
import { noRules, rules } from "./rules.ts";
import type { Subnets } from "./subnets.ts";
import * as sysctls from "./sysctls.ts";

/** A bridge as it is to be. */
export interface WantedBridge {
  name: string;
  folder: string;
  subnets: Subnets;
  record: BridgeRecord;
  leases: readonly Lease[];
}

/**
 * Makes the host what the leases of a bridge need, whatever it is now: once more, it changes nothing. Forwarding comes last, so that a host that forwards
 * for us has our bridge.
 * @throws NETWORK
 */
export async function applyBridge(wanted: WantedBridge, facts: HostFacts): Promise<void> {
  const { name, folder, subnets, record, leases } = wanted;
  await runRules(rules(name, subnets, leases), "set the rules of the bridge");
  const lines = bridgeLines(name, subnets, record, facts);
  if (lines.length > 0)
    await runIp(
      lines,
      "make the bridge",
      "the taps of the VMs are its ports, and its address is their gateway",
    );
  sysctls.writeSysctls(sysctls.bridgeSysctls(name, sysctls.readSysctl));
  await plugLoose(name, leases, facts);
  const changes = sysctls.forwardingSysctls(facts, subnets, sysctls.readSysctl);
  if (changes.length === 0) return;
  const what = listed(changes);
  const why = "what comes from the VMs goes on to other links";
  await traced("network", "let the host forward", { why, what }, async () => {
    rememberBefore(dirname(folder), changes);
    sysctls.writeSysctls(changes);
  });
}

/** The taps of a bridge that somebody has removed are ports of nothing. That of a VM which ends meanwhile needs to be none. */
async function plugLoose(bridge: string, leases: readonly Lease[], { links }: HostFacts): Promise<void> {
  const taps = new Set(leases.map(({ tap }) => tap));
  const loose = links.filter(({ name, master }) => taps.has(name) && master === undefined);
  if (loose.length === 0) return;
  const lines = loose.map(({ name }) => `link set dev ${name} master ${bridge}`);
  const why = "their bridge was gone";
  await runIp(lines, "plug the taps of other VMs in again", why, ["-force"]).catch(complain);
}

/** What is written down already stays: it was there before us. */
function rememberBefore(namespace: string, changes: readonly SysctlValue[]): void {
  const before = readBefore(namespace);
  const known = new Set(before.map(({ path }) => path));
  const more = sysctls
    .valuesBefore(changes, sysctls.sysctlLinks(), sysctls.readSysctl)
    .filter(({ path }) => !known.has(path));
  writeBefore(namespace, [...before, ...more]);
}

/**
 * Takes a bridge away with all that was made for it, its folder last; and with the last one what was set for all.
 * @param isHere the host is known to be the one that the folder tells of, even if the bridge is not there
 * @throws NETWORK
 */
export async function dismantle(
  name: string,
  folder: string,
  record: BridgeRecord | undefined,
  facts: HostFacts,
  isHere: boolean,
): Promise<void> {
  const found = findBridge(name, record, facts);
  const namespace = dirname(folder);
  const isLast = bridgesIn(namespace).every((other) => other === name);
  try {
    if (isLast && (isHere || found !== undefined)) await putBack(readBefore(namespace));
    await runRules(noRules(name), "remove the rules of the bridge");
  } finally {
    if (found !== undefined)
      await runIp([`link delete dev ${name}`], "remove the bridge", "there is no VM on it any more");
    rmSync(folder, { recursive: true, force: true });
  }
}

async function putBack(before: readonly SysctlValue[]): Promise<void> {
  if (before.length === 0) return;
  const why = "there is no bridge any more for which it forwards";
  await traced("network", "set the host back as it was", { why, what: listed(before) }, async () =>
    sysctls.restoreSysctls(before),
  );
}

function listed(values: readonly SysctlValue[]): string {
  return values.map(({ path, value }) => `${path} = ${value}`).join("\n");
}

async function runRules(input: string, name: string): Promise<void> {
  await runNetworkCommand({
    program: "nft",
    args: ["-f", "-"],
    input,
    name,
    why: "one table has all of it, and is replaced in one step",
  });
}

/** @param options of ip(8) itself @throws NETWORK */
export async function runIp(
  lines: readonly string[],
  name: string,
  why: string,
  options: readonly string[] = [],
): Promise<void> {
  const input = lines.map((line) => `${line}\n`).join("");
  await runBatch({ program: "ip", input, name, why }, options);
}
