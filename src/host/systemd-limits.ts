import { findPlace, placementWrites, warnOfLack } from "./cgroup-limits.ts";
import type { BlockIoLimits, CpuLimits, CpusetLimits, HostLimits, LimitOrder } from "./cgroup-limits.ts";
import { listHierarchies, type CgroupFolders } from "./cgroup.ts";
import { ioWeightOf, quotaWithRoom, weightOf } from "./limit-files.ts";

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
  if (memoryBytes !== undefined && !findPlace("memory", folders, hierarchies)) warnOfLack("memory", "memory");
  if (cpu === undefined) return [];
  const place = findPlace("cpu", folders, hierarchies);
  if (place) return [{ unit, properties: cpuProperties(cpu, place.version) }];
  warnOfLack("cpu", "cpu");
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

/**
 * Which CPUs and memory nodes the scope gets, and what of the disks, before anything runs in it. With version 1 systemd has no words for most of it, and
 * leaves the files alone (runc writes them, too).
 */
export function placementOrders(
  limits: HostLimits,
  unit: string,
  folders: CgroupFolders,
  hierarchies = listHierarchies(),
): LimitOrder[] {
  const { cpuset, blockIo } = limits;
  if (hierarchies.some(({ version }) => version === 1)) return placementWrites(limits, folders, hierarchies);
  const properties = [...(cpuset ? cpusetProperties(cpuset) : []), ...(blockIo ? ioProperties(blockIo) : [])];
  return properties.length > 0 ? [{ unit, properties }] : [];
}

function cpusetProperties({ cpus, mems }: CpusetLimits): string[] {
  return [
    ...(cpus === undefined ? [] : [`AllowedCPUs=${cpus}`]),
    ...(mems === undefined ? [] : [`AllowedMemoryNodes=${mems}`]),
  ];
}

const RATES = {
  rbps: "IOReadBandwidthMax",
  wbps: "IOWriteBandwidthMax",
  riops: "IOReadIOPSMax",
  wiops: "IOWriteIOPSMax",
} as const;

function ioProperties({ weights, rates }: BlockIoLimits): string[] {
  const weighed = weights.map(({ device, weight }) =>
    device === undefined
      ? `IOWeight=${ioWeightOf(weight)}`
      : `IODeviceWeight=${nodeOf(device)} ${ioWeightOf(weight)}`,
  );
  return [...weighed, ...rates.map(({ device, kind, rate }) => `${RATES[kind]}=${nodeOf(device)} ${rate}`)];
}

/** systemd takes nodes; udev has one for the numbers of each disk. */
function nodeOf(device: string): string {
  return `/dev/block/${device}`;
}
