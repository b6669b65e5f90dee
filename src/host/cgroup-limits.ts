import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { NkError } from "../base/errors.ts";
import { reasonOf } from "../base/system-error.ts";
import { warnings } from "../trace/channels.ts";
import { listHierarchies, type CgroupFolders, type Hierarchy } from "./cgroup.ts";
import { cpusetWrites, cpuWrites, ioRateWrites, ioWeightWrites, memoryWrites } from "./limit-files.ts";

/** What the container's folders on the host are to hold its VM to. */
export interface HostLimits {
  memoryBytes?: number | undefined;
  cpu?: CpuLimits | undefined;
  cpuset?: CpusetLimits | undefined;
  blockIo?: BlockIoLimits | undefined;
}

export interface CpuLimits {
  /** In each period; undefined: as it is, -1: no limit. */
  quotaUs: number | undefined;
  periodUs: number;
  /** v1's, from 2 to 262144; undefined: as they are. */
  shares: number | undefined;
}

/** Lists of the host's CPUs and memory nodes, as cpuset(7) has them; undefined: as they are. */
export interface CpusetLimits {
  cpus: string | undefined;
  mems: string | undefined;
}

/** Of the host's disks, "major:minor". */
export interface BlockIoLimits {
  /** 10 to 1000. Without a device: for all that have none of their own. */
  weights: readonly IoWeight[];
  rates: readonly IoRate[];
}

export interface IoWeight {
  device: string | undefined;
  weight: number;
}

/** Bytes or operations per second, reading or writing. */
export interface IoRate {
  device: string;
  kind: "rbps" | "wbps" | "riops" | "wiops";
  rate: number | bigint;
}

/** A value for a file of a cgroup. */
export interface CgroupWrite {
  path: string;
  value: string;
  /** Where `value` is refused: version 1 takes no quota above that of a folder further up. */
  otherwise?: string;
}

/** Properties of a unit of systemd, as they are in unit files. */
export interface UnitProperties {
  unit: string;
  properties: string[];
}

/** By whom the limit is set is the cgroups' manager's to say. */
export type LimitOrder = CgroupWrite | UnitProperties;

/** The writes that set limits. */
export interface LimitWrites {
  /** Before anything runs in the folders. */
  early: CgroupWrite[];
  /** CPU time: when the VM has booted, which would take for ever otherwise. */
  late: CgroupWrite[];
}

/**
 * Enables the controllers that are needed (version 2), and finds where the limits are to be written. What cannot be set on this host is a warning:
 * it holds in the guest alone, or nowhere.
 */
export function planLimits(
  limits: HostLimits,
  folders: CgroupFolders,
  hierarchies = listHierarchies(),
): LimitWrites {
  const plan = planner(folders, hierarchies);
  const early = plan("memory", limits.memoryBytes, memoryWrites, "memory");
  return {
    early: [...early, ...placementWrites(limits, folders, hierarchies)],
    late: plan("cpu", limits.cpu, cpuWrites, "cpu"),
  };
}

/** Which CPUs and memory nodes, and what of the disks: nothing that the guest knows of. */
export function placementWrites(
  { cpuset, blockIo }: HostLimits,
  folders: CgroupFolders,
  hierarchies = listHierarchies(),
): CgroupWrite[] {
  const plan = planner(folders, hierarchies);
  return [
    ...plan("cpuset", cpuset, cpusetWrites, "cpu.cpus and cpu.mems"),
    ...plan("blkio io", unlessEmpty(blockIo?.weights), ioWeightWrites, "blockIO.weight"),
    ...plan("blkio io", unlessEmpty(blockIo?.rates), ioRateWrites, "blockIO.throttle…"),
  ];
}

function unlessEmpty<T>(list: readonly T[] = []): readonly T[] | undefined {
  return list.length > 0 ? list : undefined;
}

type Planner = <T>(
  controllers: string,
  limit: T | undefined,
  writesOf: (limit: T, place: Place) => CgroupWrite[],
  member: string,
) => CgroupWrite[];

function planner(folders: CgroupFolders, hierarchies: Hierarchy[]): Planner {
  return (controllers, limit, writesOf, member) => {
    if (limit === undefined) return [];
    const place = findPlace(controllers, folders, hierarchies);
    const writes = place && writesOf(limit, place);
    if (writes?.every(({ path }) => existsSync(path))) return writes;
    warnOfLack(controllers, member);
    return [];
  };
}

/** @throws BAD_CONFIG for a value that the kernel refuses, HOST with systemd's words */
export async function applyLimits(orders: readonly LimitOrder[]): Promise<void> {
  for (const order of orders) {
    if ("unit" in order) await (await import("./systemd-scope.ts")).setProperties(order);
    else writeLimit(order);
  }
}

function writeLimit({ path, value, otherwise }: CgroupWrite): void {
  try {
    writeFileSync(path, value);
  } catch (cause) {
    if (otherwise !== undefined && (cause as NodeJS.ErrnoException).code === "EINVAL")
      return writeLimit({ path, value: otherwise });
    throw new NkError(
      "BAD_CONFIG",
      `linux.resources: failed to write ${value} to ${path}: ${reasonOf(cause)}`,
      {
        cause,
      },
    );
  }
}

/** @param controllers the names of the one that lacks, in both versions */
export function warnOfLack(controllers: string, member: string): void {
  const holds = ["memory", "cpu"].includes(controllers) ? "holds in the guest only" : "holds nowhere";
  const lack = `the container's cgroup on this host has no ${controllers.replace(" ", " or ")} controller`;
  warnings.publish(`linux.resources.${member} ${holds}: ${lack} for it`);
}

/** A folder of the container in the hierarchy that has the controller. */
export interface Place {
  folder: string;
  version: 1 | 2;
}

/**
 * In version 2 the controller is enabled on the way.
 * @param names of the controller: that of version 1 first, where they differ
 * @returns undefined: no hierarchy has it for the container
 */
export function findPlace(
  names: string,
  { made, joined }: CgroupFolders,
  hierarchies: Hierarchy[],
): Place | undefined {
  const [name1 = "", name2 = name1] = names.split(" ");
  for (const { mountPoint, version, controllers } of hierarchies) {
    const folder = [...made, ...joined].find((path) => path.startsWith(`${mountPoint}/`));
    if (folder === undefined) continue;
    if (version === 1 && controllers.includes(name1)) return { folder, version };
    if (version === 2 && enable(name2, mountPoint, folder)) return { folder, version };
  }
  return undefined;
}

/** Version 2 has a controller in a folder when each one above has enabled it for its children. */
function enable(controller: string, mountPoint: string, folder: string): boolean {
  let path = mountPoint;
  for (const name of folder.slice(mountPoint.length).split("/").filter(Boolean)) {
    if (!wordsOf(join(path, "cgroup.controllers")).includes(controller)) return false;
    const control = join(path, "cgroup.subtree_control");
    if (!wordsOf(control).includes(controller) && !tryWrite(control, `+${controller}`)) return false;
    path = join(path, name);
  }
  return true;
}

function wordsOf(path: string): string[] {
  try {
    return readFileSync(path, "utf8").trim().split(" ");
  } catch {
    return [];
  }
}

/** A folder with processes of its own, or one that is delegated, refuses. */
function tryWrite(path: string, value: string): boolean {
  try {
    writeFileSync(path, value);
    return true;
  } catch {
    return false;
  }
}
