import type { LimitOrder } from "../host/cgroup-limits.ts";
import type { NetworkSpec } from "../network/network.ts";
import type { ContainerRecord, VmRecord } from "../state/record.ts";

/**
 * What a VM that has waited in a pool becomes: the home of one container, which joins next. The first line that a command sends on an upgraded
 * `POST /adopt` of the control socket; what the monitor answers are the lines of its report (report-line.ts).
 */
export interface Adoption {
  container: ContainerRecord & { vm: VmRecord };
  /** For the container's cgroups, when it is there. */
  cpuLimits: LimitOrder[];
  /** What its card is connected to. */
  network: NetworkSpec;
  /** `cgroup.procs` files into which the processes of the sandbox are moved. */
  cgroups: string[];
}
