import { findPlace, quotaWithRoom, warnGuestOnly, weightOf } from "./cgroup-limits.ts";
import type { CpuLimits, HostLimits, LimitOrder } from "./cgroup-limits.ts";
import { listHierarchies, type CgroupFolders } from "./cgroup.ts";

/** For the start of a scope. systemd has this one for both versions. */
export function memoryProperties({ memoryBytes }: HostLimits): string[] {
  return memoryBytes === undefined ? [] : [`MemoryMax=${memoryBytes}`];
}

/**
 * What the scope gets when the VM has booted. By systemd, and not into the files: these are its own, and the next reload would write them anew.
 * A controller that the scope has not got is a warning, for memory as well.
 */
export function cpuOrders(
  { memoryBytes, cpu }: HostLimits,
  unit: string,
  folders: CgroupFolders,
  hierarchies = listHierarchies(),
): LimitOrder[] {
  if (memoryBytes !== undefined && !findPlace("memory", folders, hierarchies)) warnGuestOnly("memory");
  if (cpu === undefined) return [];
  const place = findPlace("cpu", folders, hierarchies);
  if (place) return [{ unit, properties: cpuProperties(cpu, place.version) }];
  warnGuestOnly("cpu");
  return [];
}

function cpuProperties(cpu: CpuLimits, version: 1 | 2): string[] {
  const { quotaUs, periodUs, shares } = cpu;
  const quota =
    quotaUs === undefined
      ? []
      : [
          `CPUQuota=${quotaUs < 0 ? "" : `${percent(quotaWithRoom(quotaUs, periodUs), periodUs)}%`}`,
          `CPUQuotaPeriodSec=${periodUs}us`,
        ];
  if (shares === undefined) return quota;
  return [...quota, version === 1 ? `CPUShares=${shares}` : `CPUWeight=${weightOf(shares)}`];
}

/** systemd takes two digits after the point. Never less than was asked for. */
function percent(quotaUs: number, periodUs: number): string {
  return String(Math.ceil((quotaUs / periodUs) * 10_000) / 100);
}
