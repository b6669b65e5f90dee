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
}

/** @param memSizeMib of the VM: a container with a memory limit may in time have touched all of it */
export function vmLimits(config: Pick<OciConfig, "linux">, memSizeMib: number): VmLimits {
  const { quota = 0, period, shares = 0 } = config.linux?.resources?.cpu ?? {};
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
  };
}

/**
 * What a change of the container's limits means there.
 * @param after all limits, with the change
 */
export function changedVmLimits(after: ResourceChange, change: ResourceChange, memSizeMib: number): VmLimits {
  const { memoryBytes } = vmLimits({ linux: { resources: change } }, memSizeMib);
  const asked = isObject(change["cpu"]) ? change["cpu"] : {};
  if (!["quota", "period", "shares"].some((name) => asked[name] !== undefined))
    return { memoryBytes, cpu: undefined };
  const { cpu } = vmLimits({ linux: { resources: after } }, memSizeMib);
  const { quota, period } = (after["cpu"] ?? {}) as NonNullable<OciResources["cpu"]>;
  if (quota === undefined || quota >= 0) return { memoryBytes, cpu };
  const periodUs = Number(period || DEFAULT_PERIOD_US);
  return { memoryBytes, cpu: { shares: undefined, ...cpu, quotaUs: -1, periodUs } };
}
