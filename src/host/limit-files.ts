import { existsSync } from "node:fs";
import { join } from "node:path";
import type { CgroupWrite, CpuLimits, CpusetLimits, IoRate, IoWeight, Place } from "./cgroup-limits.ts";

/** The files of a cgroup that limits are written to, of both versions (kernel: admin-guide/cgroup-v1/, admin-guide/cgroup-v2.rst). */

export function memoryWrites(bytes: number, { version, folder }: Place): CgroupWrite[] {
  return [
    { path: join(folder, version === 1 ? "memory.limit_in_bytes" : "memory.max"), value: String(bytes) },
  ];
}

/** A tenth of a CPU more than the container's own quota, which the guest enforces: the VMM and its helpers need some, too. -1 stays none. */
export function quotaWithRoom(quotaUs: number, periodUs: number): number {
  return quotaUs < 0 ? quotaUs : quotaUs + Math.ceil(periodUs / 10);
}

export function cpuWrites(cpu: CpuLimits, { version, folder }: Place): CgroupWrite[] {
  const { quotaUs, shares } = cpu;
  const quota = quotaUs === undefined ? [] : (version === 1 ? quota1 : quota2)(quotaUs, cpu.periodUs, folder);
  if (shares === undefined) return quota;
  const [name, value] = version === 1 ? ["cpu.shares", shares] : ["cpu.weight", weightOf(shares)];
  return [...quota, { path: join(folder, name), value: String(value) }];
}

function quota1(quotaUs: number, periodUs: number, folder: string): CgroupWrite[] {
  const withRoom = String(quotaWithRoom(quotaUs, periodUs));
  return [
    { path: join(folder, "cpu.cfs_period_us"), value: String(periodUs) },
    { path: join(folder, "cpu.cfs_quota_us"), value: withRoom, otherwise: String(quotaUs) },
  ];
}

function quota2(quotaUs: number, periodUs: number, folder: string): CgroupWrite[] {
  const quota = quotaUs < 0 ? "max" : quotaWithRoom(quotaUs, periodUs);
  return [{ path: join(folder, "cpu.max"), value: `${quota} ${periodUs}` }];
}

/** runc's line through [2, 262144] and [1, 10000]. */
export function weightOf(shares: number): number {
  return 1 + Math.floor(((shares - 2) * 9999) / 262_142);
}

/** Of the same names in both versions. */
export function cpusetWrites({ cpus, mems }: CpusetLimits, { folder }: Place): CgroupWrite[] {
  return [
    ...(cpus === undefined ? [] : [{ path: join(folder, "cpuset.cpus"), value: cpus }]),
    ...(mems === undefined ? [] : [{ path: join(folder, "cpuset.mems"), value: mems }]),
  ];
}

/** The BFQ scheduler has weights under a name of its own, and without runc's line. */
export function ioWeightWrites(weights: readonly IoWeight[], { version, folder }: Place): CgroupWrite[] {
  const bfq = join(folder, version === 1 ? "blkio.bfq.weight" : "io.bfq.weight");
  const isBfq = existsSync(bfq);
  const plain = join(folder, version === 1 ? "blkio.weight" : "io.weight");
  return weights.map(({ device, weight }) => {
    const value = isBfq || version === 1 ? weight : ioWeightOf(weight);
    const path = isBfq ? bfq : plain;
    if (device === undefined) return { path, value: version === 1 ? String(value) : `default ${value}` };
    return { path: version === 1 ? `${path}_device` : path, value: `${device} ${value}` };
  });
}

/** runc's line through [10, 1000] and [1, 10000]. */
export function ioWeightOf(weight: number): number {
  return 1 + Math.floor(((weight - 10) * 9999) / 990);
}

/** By the names of version 2. */
const THROTTLES = {
  rbps: "blkio.throttle.read_bps_device",
  wbps: "blkio.throttle.write_bps_device",
  riops: "blkio.throttle.read_iops_device",
  wiops: "blkio.throttle.write_iops_device",
} as const;

export function ioRateWrites(rates: readonly IoRate[], { version, folder }: Place): CgroupWrite[] {
  return rates.map(({ device, kind, rate }) =>
    version === 1
      ? { path: join(folder, THROTTLES[kind]), value: `${device} ${rate}` }
      : { path: join(folder, "io.max"), value: `${device} ${kind}=${rate}` },
  );
}
