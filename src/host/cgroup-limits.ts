import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { warnings } from "../trace/channels.ts";
import { listHierarchies, type CgroupFolders, type Hierarchy } from "./cgroup.ts";

/** What the container's folders on the host are to hold its VM to. */
export interface HostLimits {
  memoryBytes?: number | undefined;
  cpu?: CpuLimits | undefined;
}

export interface CpuLimits {
  /** In each period; undefined: as it is, -1: no limit. */
  quotaUs: number | undefined;
  periodUs: number;
  /** v1's, from 2 to 262144; undefined: as they are. */
  shares: number | undefined;
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

/** The writes that set limits: memory before anything runs in the folders, CPU when the VM has booted, which would take for ever otherwise. */
export interface LimitWrites {
  memory: CgroupWrite[];
  cpu: CgroupWrite[];
}

/**
 * Enables the controllers that are needed (version 2), and finds where the limits are to be written. What cannot be set on this host is a warning:
 * it holds in the guest alone.
 */
export function planLimits(
  limits: HostLimits,
  folders: CgroupFolders,
  hierarchies = listHierarchies(),
): LimitWrites {
  const place = (controller: string): Place | undefined => findPlace(controller, folders, hierarchies);
  return {
    memory:
      limits.memoryBytes === undefined
        ? []
        : wanted("memory", memoryWrites(limits.memoryBytes, place("memory"))),
    cpu: limits.cpu === undefined ? [] : wanted("cpu", cpuWrites(limits.cpu, place("cpu"))),
  };
}

/** @throws the system's error for a value that it refuses, HOST with systemd's words */
export async function applyLimits(orders: readonly LimitOrder[]): Promise<void> {
  for (const order of orders) {
    if ("unit" in order) await (await import("./systemd-scope.ts")).setProperties(order);
    else writeLimit(order);
  }
}

function writeLimit({ path, value, otherwise }: CgroupWrite): void {
  try {
    writeFileSync(path, value);
  } catch (error) {
    if (otherwise === undefined || (error as NodeJS.ErrnoException).code !== "EINVAL") throw error;
    writeFileSync(path, otherwise);
  }
}

function wanted(controller: string, writes: CgroupWrite[] | undefined): CgroupWrite[] {
  if (writes?.every(({ path }) => existsSync(path))) return writes;
  warnGuestOnly(controller);
  return [];
}

export function warnGuestOnly(controller: string): void {
  warnings.publish(
    `linux.resources.${controller} holds in the guest only: the container's cgroup on this host has no ${controller} controller`,
  );
}

/** A folder of the container in the hierarchy that has the controller. */
export interface Place {
  folder: string;
  version: 1 | 2;
}

/** In version 2 the controller is enabled on the way. @returns undefined: no hierarchy has it for the container */
export function findPlace(
  controller: string,
  { made, joined }: CgroupFolders,
  hierarchies: Hierarchy[],
): Place | undefined {
  for (const { mountPoint, version, controllers } of hierarchies) {
    const folder = [...made, ...joined].find((path) => path.startsWith(`${mountPoint}/`));
    if (folder === undefined) continue;
    if (version === 1 && controllers.includes(controller)) return { folder, version };
    if (version === 2 && enable(controller, mountPoint, folder)) return { folder, version };
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

function memoryWrites(bytes: number, place: Place | undefined): CgroupWrite[] | undefined {
  if (!place) return undefined;
  const file = place.version === 1 ? "memory.limit_in_bytes" : "memory.max";
  return [{ path: join(place.folder, file), value: String(bytes) }];
}

function cpuWrites(cpu: CpuLimits, place: Place | undefined): CgroupWrite[] | undefined {
  if (!place) return undefined;
  return place.version === 1 ? cpuWrites1(cpu, place.folder) : cpuWrites2(cpu, place.folder);
}

/** A tenth of a CPU more than the container's own quota, which the guest enforces: the VMM and its helpers need some, too. -1 stays none. */
export function quotaWithRoom(quotaUs: number, periodUs: number): number {
  return quotaUs < 0 ? quotaUs : quotaUs + Math.ceil(periodUs / 10);
}

function cpuWrites1({ quotaUs, periodUs, shares }: CpuLimits, folder: string): CgroupWrite[] {
  const quota =
    quotaUs === undefined
      ? []
      : [
          { path: join(folder, "cpu.cfs_period_us"), value: String(periodUs) },
          {
            path: join(folder, "cpu.cfs_quota_us"),
            value: String(quotaWithRoom(quotaUs, periodUs)),
            otherwise: String(quotaUs),
          },
        ];
  return shares === undefined
    ? quota
    : [...quota, { path: join(folder, "cpu.shares"), value: String(shares) }];
}

function cpuWrites2({ quotaUs, periodUs, shares }: CpuLimits, folder: string): CgroupWrite[] {
  const quota =
    quotaUs === undefined
      ? []
      : [
          {
            path: join(folder, "cpu.max"),
            value: `${quotaUs < 0 ? "max" : quotaWithRoom(quotaUs, periodUs)} ${periodUs}`,
          },
        ];
  if (shares === undefined) return quota;
  return [...quota, { path: join(folder, "cpu.weight"), value: String(weightOf(shares)) }];
}

/** runc's line through [2, 262144] and [1, 10000]. */
export function weightOf(shares: number): number {
  return 1 + Math.floor(((shares - 2) * 9999) / 262_142);
}
