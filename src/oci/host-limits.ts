import type { OciConfig } from "./config.ts";
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
