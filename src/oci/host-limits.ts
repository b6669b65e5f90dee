import { isObject } from "../base/json.ts";
import type { OciConfig, OciResources } from "./config.ts";
import type { ResourceChange } from "./resource-change.ts";
import { DEFAULT_PERIOD_US, memoryLimit } from "./vm-size.ts";

const MIB = 1024 * 1024;
/** What QEMU and its translated code, the share's server and the monitor take beside the guest's memory (docs/vm-mode.md has the measurement). */
const VMM_MEMORY_MIB = 256;
/** The kernel's bounds of cpu.shares. */
const MIN_SHARES = 2;
const MAX_SHARES = 262_144;

/** What a config.json with limits means for the processes of its VM on the host; undefined where it sets none. */
export interface VmLimits {
  memoryBytes: number | undefined;
  /** A quota of -1 takes one away. */
  cpu: { quotaUs: number | undefined; periodUs: number; shares: number | undefined } | undefined;
  cpuset: { cpus: string | undefined; mems: string | undefined } | undefined;
  blockIo: { weights: IoWeight[]; rates: IoRate[] } | undefined;
}

interface IoWeight {
  /** "major:minor"; undefined: all. */
  device: string | undefined;
  weight: number;
}

interface IoRate {
  device: string;
  kind: "rbps" | "wbps" | "riops" | "wiops";
  rate: number | bigint;
}

/** @param memSizeMib of the VM: a container with a memory limit may in time have touched all of it */
export function vmLimits(config: Pick<OciConfig, "linux">, memSizeMib: number): VmLimits {
  const { cpu = {}, blockIO } = config.linux?.resources ?? {};
  const { quota = 0, period, shares = 0 } = cpu;
  const hasCpu = quota > 0 || shares > 0;
  return {
    memoryBytes: memoryLimit(config) === undefined ? undefined : (memSizeMib + VMM_MEMORY_MIB) * MIB,
    cpu: hasCpu
      ? {
          quotaUs: quota > 0 ? Number(quota) : undefined,
          periodUs: Number(period || DEFAULT_PERIOD_US),
          shares: shares > 0 ? Math.min(Math.max(Number(shares), MIN_SHARES), MAX_SHARES) : undefined,
        }
      : undefined,
    cpuset: cpusetOf(cpu),
    blockIo: blockIO && blockIoOf(blockIO),
  };
}

/** "" is runc's word for "as it is", as 0 is for a weight. */
function cpusetOf({ cpus = "", mems = "" }: NonNullable<OciResources["cpu"]>): VmLimits["cpuset"] {
  if (cpus === "" && mems === "") return undefined;
  return { cpus: cpus === "" ? undefined : cpus, mems: mems === "" ? undefined : mems };
}

function blockIoOf(io: NonNullable<OciResources["blockIO"]>): VmLimits["blockIo"] {
  const { weight = 0, weightDevice = [] } = io;
  const weights = [
    ...(weight > 0 ? [{ device: undefined, weight }] : []),
    ...weightDevice.flatMap((device) =>
      device.weight ? [{ device: numbersOf(device), weight: device.weight }] : [],
    ),
  ];
  const rates = [
    ...ratesOf("rbps", io.throttleReadBpsDevice),
    ...ratesOf("wbps", io.throttleWriteBpsDevice),
    ...ratesOf("riops", io.throttleReadIOPSDevice),
    ...ratesOf("wiops", io.throttleWriteIOPSDevice),
  ];
  return weights.length + rates.length > 0 ? { weights, rates } : undefined;
}

interface Device {
  major: number | bigint;
  minor: number | bigint;
}

function ratesOf(kind: IoRate["kind"], devices: readonly (Device & Pick<IoRate, "rate">)[] = []): IoRate[] {
  return devices.map((device) => ({ kind, device: numbersOf(device), rate: device.rate }));
}

function numbersOf({ major, minor }: Device): string {
  return `${major}:${minor}`;
}

/**
 * What a change of the container's limits means there.
 * @param after all limits, with the change
 */
export function changedVmLimits(after: ResourceChange, change: ResourceChange, memSizeMib: number): VmLimits {
  const alone = vmLimits({ linux: { resources: change } }, memSizeMib);
  const asked = isObject(change["cpu"]) ? change["cpu"] : {};
  if (!["quota", "period", "shares"].some((name) => asked[name] !== undefined))
    return { ...alone, cpu: undefined };
  const { cpu } = vmLimits({ linux: { resources: after } }, memSizeMib);
  const { quota, period } = (after["cpu"] ?? {}) as NonNullable<OciResources["cpu"]>;
  if (quota === undefined || quota >= 0) return { ...alone, cpu };
  const periodUs = Number(period || DEFAULT_PERIOD_US);
  return { ...alone, cpu: { shares: undefined, ...cpu, quotaUs: -1, periodUs } };
}
