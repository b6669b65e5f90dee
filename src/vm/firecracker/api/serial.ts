import type { Deadline } from "../../../base/deadline.ts";
import type { FirecrackerApi } from "./api.ts";
import type { TokenBucket } from "./rate-limiter.ts";

export interface Serial {
  /**
   * Gets what the guest writes to its serial line; input is cut off then. Look at the path before: Firecracker 1.16.1 answers an impossible one with
   * success, and writes nothing.
   */
  serial_out_path?: string;
  /** Bytes; what exceeds it is lost. From 1.16 on. */
  rate_limiter?: TokenBucket;
}

/** PUT /serial, before the start. */
export function putSerial(api: FirecrackerApi, serial: Serial, deadline: Deadline): Promise<void> {
  return api.put("/serial", serial, "the guest's console goes to a file", deadline);
}
