import type { Deadline } from "../../../base/deadline.ts";
import type { FirecrackerApi } from "./api.ts";

/** PATCH /vm Paused, also of a paused VM. Some releases lose the way to the guest after it: `pauseBreaksVsock` of versions.ts. */
export function pauseVm(api: FirecrackerApi, deadline: Deadline): Promise<void> {
  return api.patch("/vm", { state: "Paused" }, "the guest's CPUs are not run any more", deadline);
}

/** PATCH /vm Resumed, also of a running VM. */
export function resumeVm(api: FirecrackerApi, deadline: Deadline): Promise<void> {
  return api.patch("/vm", { state: "Resumed" }, "the guest's CPUs go on", deadline);
}
