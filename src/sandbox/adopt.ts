import { writeFileSync } from "node:fs";
import { childrenOf } from "../host/process-info.ts";
import type { Adoption } from "../contract/adoption.ts";
import { traced } from "../trace/channels.ts";
import type { Guest } from "./microvm/guest.ts";
import type { MicroVm } from "./microvm/microvm.ts";
import type { Holder } from "./holder.ts";

const WHY =
  "what the VM costs is the container's from now on; the guest gets its name, the time and new random numbers";

/**
 * Makes a VM that has waited the home of a container: its processes go into the container's cgroups, and its guest learns who it is. Memory that they
 * have by then stays on the account of the pool's cgroup: the kernel moves no charges.
 * @throws HOST, and what the agent says
 */
export async function adopt(
  microvm: MicroVm,
  holder: Holder,
  { container, cgroups }: Adoption,
): Promise<Guest> {
  await traced("monitor", "adopt the VM", { why: WHY, what: `for ${container.id}` }, async () => {
    const processes = [process.pid, holder.pid, ...descendants(process.pid)];
    for (const path of cgroups) for (const pid of processes) moveInto(path, pid);
    await microvm.guest().introduce(container.id);
  });
  return microvm.guest();
}

function descendants(pid: number): number[] {
  return childrenOf(pid).flatMap((child) => [child, ...descendants(child)]);
}

function moveInto(path: string, pid: number): void {
  try {
    writeFileSync(path, String(pid));
  } catch (error) {
    // A helper that has just ended.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
