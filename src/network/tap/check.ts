import { NkError } from "../../base/errors.ts";
import { formatPrefix, overlap, type Prefix } from "../ip-address.ts";
import type { HostFacts, HostLink } from "./facts.ts";
import type { BridgeRecord } from "./records.ts";
import { formatSubnets, listSubnets, type Subnets } from "./subnets.ts";

/** Two halves of everything, as VPNs route it, are a default route too. */
const DEFAULT_ROUTE_BITS = 1;

/** The link of that name, if it is the bridge that we have made. */
export function findBridge(
  bridge: string,
  record: BridgeRecord | undefined,
  { links }: HostFacts,
): HostLink | undefined {
  return links.find(({ name, kind, mac }) => name === bridge && kind === "bridge" && mac === record?.mac);
}

/** Refuses to touch what is somebody else's. @param record of the bridge, when VMs are on it @throws NETWORK */
export function checkHost(
  bridge: string,
  subnets: Subnets,
  record: BridgeRecord | undefined,
  facts: HostFacts,
): void {
  checkName(bridge, record, facts);
  if (record !== undefined) checkSameSubnets(bridge, subnets, record);
  for (const prefix of listSubnets(subnets)) checkUnused(bridge, prefix, facts);
}

function checkName(bridge: string, record: BridgeRecord | undefined, facts: HostFacts): void {
  const taken = facts.links.find(({ name }) => name === bridge);
  if (taken === undefined || findBridge(bridge, record, facts) !== undefined) return;
  const what = taken.kind === "" ? "an interface" : `an interface of the kind ${taken.kind}`;
  throw new NkError(
    "NETWORK",
    `the bridge ${bridge} cannot be made: the host has ${what} of that name, which nk-runtime did not make: take another name, or remove it with "ip link delete ${bridge}"`,
  );
}

function checkSameSubnets(bridge: string, subnets: Subnets, { subnet, subnet6 }: BridgeRecord): void {
  const now = subnet6 === undefined ? subnet : `${subnet} and ${subnet6}`;
  const wanted = formatSubnets(subnets);
  if (now === wanted) return;
  throw new NkError(
    "NETWORK",
    `the bridge ${bridge} has ${now} as long as VMs are on it: expected the same, found ${wanted}: take another bridge for other subnets`,
  );
}

function checkUnused(bridge: string, prefix: Prefix, { links, routes }: HostFacts): void {
  const onLinks = links.flatMap(({ name, addresses }) =>
    addresses.map(({ text, network }) => ({ link: name, network, what: `the address ${text}` })),
  );
  const byRoutes = routes.flatMap(({ link, destination }) =>
    destination === undefined || destination.bits <= DEFAULT_ROUTE_BITS
      ? []
      : { link, network: destination, what: `a route to ${formatPrefix(destination)}` },
  );
  const other = [...onLinks, ...byRoutes].find(
    ({ link, network }) => link !== bridge && overlap(network, prefix),
  );
  if (other === undefined) return;
  throw new NkError(
    "NETWORK",
    `the subnet ${formatPrefix(prefix)} of the bridge ${bridge} is in use on this host: ${other.link} has ${other.what}: choose another subnet`,
  );
}
