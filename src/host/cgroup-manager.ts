import type { CgroupFolders } from "./cgroup.ts";
import type { HostLimits, LimitOrder } from "./cgroup-limits.ts";

/** crun's words (--cgroup-manager). */
export const CGROUP_MANAGERS = ["cgroupfs", "systemd", "disabled"] as const;
export type CgroupManager = (typeof CGROUP_MANAGERS)[number];

/**
 * The seam between a container and who manages cgroups on its host. There are two ways: folders that are made here (cgroupfs-manager.ts), and a
 * transient scope of systemd (systemd-manager.ts). With `disabled` nothing is made: its processes stay where their caller is.
 *
 * Order of the calls: `planCgroups`, then the caller writes `journal` to the container's record, then `make`, once. Then its processes join, from
 * wherever they are: whoever writes a pid to a file of `procs` moves that process, which is the same for both ways. `release` comes when the first of
 * them has joined, and in any case.
 *
 * Ownership: what is in `journal` belongs to the container from the moment it is written down, whether or not `make` has run, has failed or was killed
 * half-way. `removeLeftovers` removes it (removeCgroups, and stopScope for a scope), which is no error when there is nothing to remove. So `make` cleans
 * up nothing but processes of its own, and after a failure of it no more may be called.
 *
 * Limits: all but those of CPU time are in force when `make` resolves; the orders for these are carried out (`applyLimits`) by whoever sees the end of the boot, in another
 * process maybe: they can be sent as JSON.
 */
export interface PlannedCgroups {
  readonly journal: CgroupJournal;
  /**
   * @throws HOST when systemd refuses or the kernel does, TIMEOUT when systemd does not answer, the reason of `givenUp`
   */
  make(limits: HostLimits): Promise<MadeCgroups>;
}

/** What `delete` must know to find the container's cgroups. */
export interface CgroupJournal extends CgroupFolders {
  /** Name of the unit of systemd; undefined: there is none. */
  scope?: string;
}

export interface MadeCgroups {
  /** `cgroup.procs` files. */
  readonly procs: string[];
  readonly cpuLimits: LimitOrder[];
  /** The container's processes have joined, or will not: a scope without any ends. */
  release(): void;
}

export interface CgroupWish {
  /** As in config.json. */
  cgroupsPath: string | undefined;
  id: string;
  stateDir: string;
  /** Ends `make` early. */
  givenUp: AbortSignal;
}

/**
 * Plans the cgroups of a container; nothing is made.
 * @param manager `systemd`, asked for by `--systemd-cgroup`: a scope. By `cgroupfs` `slice:prefix:name` becomes the folders that systemd would make.
 * @throws BAD_STATE when processes are in them, UNSUPPORTED when systemd is asked for and does not run, BAD_CONFIG for a path that it cannot have
 */
export async function planCgroups(wish: CgroupWish, manager: CgroupManager): Promise<PlannedCgroups> {
  if (manager === "disabled") return NO_CGROUPS;
  if (manager === "systemd") return (await import("./systemd-manager.ts")).planScope(wish);
  return (await import("./cgroupfs-manager.ts")).planFolders(wish);
}

const NO_CGROUPS: PlannedCgroups = {
  journal: { made: [], joined: [] },
  make: () => Promise.resolve({ procs: [], cpuLimits: [], release: () => {} }),
};
