import type { Deadline } from "../../../base/deadline.ts";
import { ApiError } from "./api-error.ts";
import type { FirecrackerApi } from "./api.ts";

const STATES = ["Not started", "Running", "Paused"] as const;

export interface InstanceInfo {
  /** What `--id` said. */
  id: string;
  state: (typeof STATES)[number];
  vmm_version: string;
}

/** GET /: which VM this is, and whether it runs. */
export async function describeInstance(api: FirecrackerApi, deadline: Deadline): Promise<InstanceInfo> {
  const answer = await api.get("/", "does the guest run?", deadline);
  const found = answer.text("state");
  const state = STATES.find((name) => name === found);
  if (state === undefined) {
    const message = `expected one of the states ${STATES.join(", ")} from Firecracker, found ${JSON.stringify(found)}`;
    throw new ApiError("VMM", message, { request: "GET /", status: 200 });
  }
  return { id: answer.text("id"), state, vmm_version: answer.text("vmm_version") };
}
