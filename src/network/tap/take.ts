import { randomBytes } from "../../base/random.ts";
import { complain } from "../../base/logger.ts";
import { thisProcess } from "../../state/claim.ts";
import { formatPrefix } from "../ip-address.ts";
import type { NetworkRequest, TapSpec } from "../network.ts";
import { formatPublication } from "../publication.ts";
import { applyBridge, type WantedBridge } from "./apply.ts";
import { bridgeMtu, canHaveIpv6 } from "./bridge.ts";
import { checkHost } from "./check.ts";
import { readFacts, type HostFacts } from "./facts.ts";
import { warnOfFirewall } from "./firewall.ts";
import { bridgeFolder, makeFolder } from "./folder.ts";
import { chooseNumber, partsOf, type Lease } from "./lease.ts";
import { writeBridge, writeLease, type BridgeRecord } from "./records.ts";
import { settle, type UsedBridge } from "./settle.ts";
import { checkSpec, type Subnets } from "./subnets.ts";

/** What a VM has got of a bridge. */
export interface Taken {
  lease: Lease;
  bridge: { name: string; mac: string; mtu: number; subnets: Subnets };
}

/**
 * Takes a lease, and makes the host what all leases need. Under the lock. When it throws, nothing is left.
 * @throws NETWORK
 */
export async function take(request: NetworkRequest, spec: TapSpec): Promise<Taken> {
  const { facts, used } = await look(spec.bridge);
  const subnets = effectiveSubnets(checkSpec(spec), used, facts);
  checkHost(spec.bridge, subnets, used?.record, facts);
  const lease = chooseLease(request, spec, subnets, used?.leases ?? [], facts);
  const folder = bridgeFolder(spec.bridge);
  request.journal({
    kind: "tap",
    bridge: spec.bridge,
    folder,
    tap: lease.tap,
    mac: lease.mac,
    addresses: lease.addresses,
    publish: spec.publish.map(formatPublication),
  });
  const record = used?.record ?? newBridge(subnets);
  const leases = [...(used?.leases ?? []), lease];
  await write({ name: spec.bridge, folder, subnets, record, leases }, lease, facts);
  if (used === undefined) await warnOfFirewall(spec.bridge);
  return { lease, bridge: { name: spec.bridge, mac: record.mac, mtu: bridgeMtu(facts, subnets), subnets } };
}

/** The host, once nothing of dead owners is there. */
async function look(bridge: string): Promise<{ facts: HostFacts; used: UsedBridge | undefined }> {
  const facts = await readFacts();
  const { used, isChanged } = await settle(bridge, facts);
  return { facts: isChanged ? await readFacts() : facts, used };
}

async function write(wanted: WantedBridge, lease: Lease, facts: HostFacts): Promise<void> {
  try {
    makeFolder(wanted.folder);
    writeBridge(wanted.folder, wanted.record);
    writeLease(wanted.folder, lease);
    await applyBridge(wanted, facts);
  } catch (error) {
    await readFacts()
      .then((now) => settle(wanted.name, now, lease))
      .catch(complain);
    throw error;
  }
}

/** Without IPv6 on the host, or on a link as its own, there is none on the bridge; one on which VMs are stays as it was made. */
function effectiveSubnets({ v4, v6 }: Subnets, used: UsedBridge | undefined, facts: HostFacts): Subnets {
  const has6 = used === undefined ? canHaveIpv6(facts) : used.record.subnet6 !== undefined;
  return v6 !== undefined && has6 ? { v4, v6 } : { v4 };
}

function chooseLease(
  { id }: NetworkRequest,
  { bridge, publish }: TapSpec,
  subnets: Subnets,
  leases: readonly Lease[],
  { links }: HostFacts,
): Lease {
  const number = chooseNumber(bridge, subnets, leases, new Set(links.map(({ name }) => name)));
  return { id, owner: thisProcess(), number, ...partsOf(bridge, subnets, number), publish };
}

/** Locally administered, and none of those that leases have (lease.ts). */
function newBridge({ v4, v6 }: Subnets): BridgeRecord {
  const mac = ["02", "6e", "6c", ...[...randomBytes(3)].map((byte) => byte.toString(16).padStart(2, "0"))];
  return {
    subnet: formatPrefix(v4),
    ...(v6 !== undefined && { subnet6: formatPrefix(v6) }),
    mac: mac.join(":"),
  };
}
