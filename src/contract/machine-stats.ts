import type { ProcessStats } from "../host/process-stats.ts";
import type { VmmMetrics } from "../vm/vmm-metrics.ts";

/** What one VM costs: each of its processes on the host, what its VMM did for it, and what its guest says of itself. */
export interface MachineStats {
  host: { processes: ProcessStats[]; totalPssKib: number; totalCpuMs: number };
  vmm: VmmMetrics;
  guest: unknown;
  containers: Record<string, unknown>;
}
