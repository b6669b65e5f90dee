import type { Garbage } from "../state/garbage.ts";
import { bridgesIn, namespaceFolder } from "./tap/folder.ts";
import { listLeases, releaseDead } from "./tap/garbage.ts";

/** What monitors that were killed have left of the host's bridges, in the network namespace that this process is in. */
export function networkGarbage(): Garbage[] {
  const leases = listLeases();
  const dead = leases
    .filter(({ isAlive }) => !isAlive)
    .map(({ id, bridge }) => garbage(`${id} on ${bridge}`, "the monitor of its VM was killed"));
  const unused = bridgesIn(namespaceFolder())
    .filter((bridge) => leases.every((lease) => lease.bridge !== bridge))
    .map((bridge) => garbage(bridge, "no VM is on this bridge"));
  return [...dead, ...unused];
}

/** All of it goes with the first. */
function garbage(name: string, reason: string): Garbage {
  const remove = async (): Promise<boolean> => {
    await releaseDead();
    return true;
  };
  return { kind: "network", name, reason, remove };
}
