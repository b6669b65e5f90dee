import { cgroupFolder, makeCgroup, planCgroup } from "./cgroup.ts";
import { applyLimits, planLimits } from "./cgroup-limits.ts";
import type { CgroupWish, PlannedCgroups } from "./cgroup-manager.ts";

/** Folders in each hierarchy that can be written. @throws BAD_STATE when processes are in them */
export function planFolders({ cgroupsPath, id }: CgroupWish): PlannedCgroups {
  const journal = planCgroup(cgroupFolder(cgroupsPath, id));
  return {
    journal,
    make: async (limits) => {
      const procs = makeCgroup(journal);
      const { early, late } = planLimits(limits, journal);
      await applyLimits(early);
      return { procs, cpuLimits: late, release: () => {} };
    },
  };
}
