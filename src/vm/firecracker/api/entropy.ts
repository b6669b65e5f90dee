import type { Deadline } from "../../../base/deadline.ts";
import type { FirecrackerApi } from "./api.ts";
import type { RateLimiter } from "./rate-limiter.ts";

export interface Entropy {
  rate_limiter?: RateLimiter;
}

/** PUT /entropy, before the start: a device that gives the guest random numbers of the host. */
export function putEntropy(api: FirecrackerApi, entropy: Entropy, deadline: Deadline): Promise<void> {
  return api.put("/entropy", entropy, "random numbers for the guest's kernel", deadline);
}
