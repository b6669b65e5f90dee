import { readFileSync } from "node:fs";
import { NkError } from "../base/errors.ts";
import { makeCgroup, planCgroup } from "./cgroup.ts";
import type { CgroupWish, PlannedCgroups } from "./cgroup-manager.ts";
import { applyLimits } from "./cgroup-limits.ts";
import { cpuOrders, memoryProperties, placementOrders } from "./systemd-limits.ts";
import { scopeOf, type ScopeName } from "./systemd-names.ts";
import { managersFolder, startScope, SYSTEMD_FOLDER, systemdRuns } from "./systemd-scope.ts";

/**
 * A transient scope. systemd makes its folders in the hierarchies that it manages; what version 1 has beside these gets folders of ours, of the same
 * path, as runc has it.
 * @throws UNSUPPORTED, BAD_CONFIG, BAD_STATE
 */
export async function planScope(wish: CgroupWish): Promise<PlannedCgroups> {
  if (!systemdRuns())
    throw new NkError(
      "UNSUPPORTED",
      `systemd cgroup flag passed, but systemd support for managing cgroups is not available: expected ${SYSTEMD_FOLDER}, which is there while systemd runs: leave out --systemd-cgroup`,
    );
  const name = scopeOf(wish.cgroupsPath, wish.id, await managersFolder());
  const folders = planCgroup(name.folder);
  return {
    journal: { ...folders, scope: name.unit },
    make: async (limits) => {
      const holder = await startScope(name, memoryProperties(limits), wish);
      try {
        checkPlace(holder.pid, name);
        const procs = makeCgroup(folders);
        await applyLimits(placementOrders(limits, name.unit, folders));
        return { procs, cpuLimits: cpuOrders(limits, name.unit, folders), release: holder.release };
      } catch (error) {
        holder.release();
        throw error;
      }
    },
  };
}

/** The journal has the folders that follow from the name: systemd's own must be the same, else nothing would be found again. */
function checkPlace(pid: number, { unit, folder }: ScopeName): void {
  const found = readFileSync(`/proc/${pid}/cgroup`, "utf8");
  if (found.split("\n").some((line) => line.endsWith(`:${folder}`))) return;
  throw new NkError(
    "HOST",
    `systemd has put the scope ${unit} elsewhere: expected the cgroup ${folder}, found ${found.trim().replaceAll("\n", " ")}`,
    { see: `systemctl status ${unit}` },
  );
}
