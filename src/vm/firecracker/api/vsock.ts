import type { Deadline } from "../../../base/deadline.ts";
import type { FirecrackerApi } from "./api.ts";

export interface Vsock {
  /** At least 3. Other VMs of the host may have the same. */
  guest_cid: number;
  /**
   * The socket that Firecracker makes at once, and never removes. With "_" and the port added it is the path that Firecracker connects to for the
   * guest: that must fit into 107 bytes as well.
   */
  uds_path: string;
}

/** PUT /vsock, before the start. */
export function putVsock(api: FirecrackerApi, vsock: Vsock, deadline: Deadline): Promise<void> {
  return api.put("/vsock", vsock, "the way to the agent in the guest", deadline);
}
