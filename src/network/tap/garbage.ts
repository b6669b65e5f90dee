import { readFacts } from "./facts.ts";
import { bridgeFolder, bridgesIn, namespaceFolder } from "./folder.ts";
import { isLeaseAlive, type Lease } from "./lease.ts";
import { withLockIfThere } from "./lock.ts";
import { readLeases } from "./records.ts";
import { settle } from "./settle.ts";

/** A lease as it is shown. */
export interface ListedLease extends Lease {
  bridge: string;
  /** Its monitor runs; otherwise `releaseDead` takes it back. */
  isAlive: boolean;
}

/** Those of our network namespace, sorted by bridge and address. */
export function listLeases(): ListedLease[] {
  return bridgesIn(namespaceFolder())
    .sort()
    .flatMap((bridge) =>
      readLeases(bridgeFolder(bridge))
        .sort((a, b) => a.number - b.number)
        .map((lease) => ({ ...lease, bridge, isAlive: isLeaseAlive(lease) })),
    );
}

/**
 * Takes back what dead owners had in our network namespace, and bridges, rules and settings of the host that nobody needs any more.
 * @returns the leases that were taken back @throws NETWORK
 */
export async function releaseDead(): Promise<ListedLease[]> {
  const freed: ListedLease[] = [];
  const folder = namespaceFolder();
  await withLockIfThere(folder, async () => {
    for (const bridge of bridgesIn(folder)) {
      const settled = await settle(bridge, await readFacts());
      freed.push(...settled.freed.map((lease) => ({ ...lease, bridge, isAlive: false })));
    }
  });
  return freed;
}
