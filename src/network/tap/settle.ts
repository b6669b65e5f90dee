import { existsSync } from "node:fs";
import { applyBridge, dismantle, runIp } from "./apply.ts";
import { readFacts, type HostFacts } from "./facts.ts";
import { bridgeFolder } from "./folder.ts";
import { isLeaseAlive, type Lease } from "./lease.ts";
import { readBridge, readLeases, removeLease, type BridgeRecord } from "./records.ts";
import { checkSpec, type Subnets } from "./subnets.ts";

/** A bridge on which VMs are. */
export interface UsedBridge {
  record: BridgeRecord;
  leases: Lease[];
}

/** What a bridge is after dead owners' leases are free again. */
export interface Settled {
  /** undefined: no VM is on it, and nothing of it is there. */
  used: UsedBridge | undefined;
  /** The host was changed. */
  isChanged: boolean;
  freed: Lease[];
}

/**
 * Takes back what dead owners had of a bridge, and the bridge when nobody has anything of it. Under the lock.
 * @param left a lease that its owner has just given back
 * @throws NETWORK
 */
export async function settle(name: string, facts: HostFacts, left?: Lease): Promise<Settled> {
  const folder = bridgeFolder(name);
  if (!existsSync(folder)) return { used: undefined, isChanged: false, freed: [] };
  if (left !== undefined) removeLease(folder, left);
  const record = readBridge(folder);
  const all = readLeases(folder);
  const leases = all.filter(isLeaseAlive);
  const freed = all.filter((lease) => !leases.includes(lease));
  await removeTaps(freed, facts);
  for (const lease of freed) removeLease(folder, lease);
  const isChanged = freed.length > 0 || left !== undefined;
  if (record === undefined || leases.length === 0) {
    await dismantle(name, folder, record, facts, left !== undefined);
    return { used: undefined, isChanged: true, freed };
  }
  if (isChanged) await applyBridge({ name, folder, subnets: subnetsOf(name, record), record, leases }, facts);
  return { used: { record, leases }, isChanged, freed };
}

/** A VMM that outlives its monitor for a moment has its tap still, whose name and number are to be free. */
async function removeTaps(leases: readonly Lease[], { links }: HostFacts): Promise<void> {
  const isThere = (facts: Pick<HostFacts, "links">, tap: string): boolean =>
    facts.links.some(({ name }) => name === tap);
  const taps = leases.map(({ tap }) => tap).filter((tap) => isThere({ links }, tap));
  if (taps.length === 0) return;
  try {
    const lines = taps.map((tap) => `link delete dev ${tap}`);
    // Forced: of many, each is tried.
    await runIp(lines, "remove taps", "the monitors of their VMs are dead", ["-force"]);
  } catch (error) {
    // Of those that are gone, the VMMs have ended meanwhile.
    const now = await readFacts();
    if (taps.some((tap) => isThere(now, tap))) throw error;
  }
}

export function subnetsOf(bridge: string, { subnet, subnet6 }: BridgeRecord): Subnets {
  return checkSpec({ kind: "tap", bridge, subnet, subnet6, publish: [] });
}
