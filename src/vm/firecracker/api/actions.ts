import type { Deadline } from "../../../base/deadline.ts";
import type { FirecrackerApi } from "./api.ts";

/** InstanceStart: the guest runs when it returns. After a failure the VM can be configured anew and started again. */
export function startInstance(api: FirecrackerApi, deadline: Deadline): Promise<void> {
  const why = "memory is made, the kernel loaded, the guest's CPUs run";
  return api.put("/actions", { action_type: "InstanceStart" }, why, deadline);
}

/** FlushMetrics: a line of metrics, now. */
export function flushMetrics(api: FirecrackerApi, deadline: Deadline): Promise<void> {
  return api.put("/actions", { action_type: "FlushMetrics" }, "the counters up to now", deadline);
}

/**
 * SendCtrlAltDel, x86 only: the guest gets the key presses, and does with them what it likes. When it ends at once, the answer may be lost: an
 * ApiError without a status.
 */
export function sendCtrlAltDel(api: FirecrackerApi, deadline: Deadline): Promise<void> {
  return api.put("/actions", { action_type: "SendCtrlAltDel" }, "the guest is asked to end", deadline);
}
