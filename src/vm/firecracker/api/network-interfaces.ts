import type { Deadline } from "../../../base/deadline.ts";
import type { FirecrackerApi } from "./api.ts";
import type { RateLimiter } from "./rate-limiter.ts";

export interface NetworkInterface {
  /** Letters, digits and _ only. */
  iface_id: string;
  /** A tap device with one queue, at most 15 bytes. Opened, and as root made when missing, at once; held until Firecracker ends. */
  host_dev_name: string;
  /** Six pairs of hexadecimal digits with colons, another one for each interface of the VM. Without it the guest takes a random one. */
  guest_mac?: string;
  /** Bytes, 68 to 65535. From 1.16 on. */
  mtu?: number;
  rx_rate_limiter?: RateLimiter;
  tx_rate_limiter?: RateLimiter;
}

export type NetworkInterfaceChange = Pick<
  NetworkInterface,
  "iface_id" | "rx_rate_limiter" | "tx_rate_limiter"
>;

/** PUT /network-interfaces/ID, before the start. One with the same id is replaced. */
export function putNetworkInterface(
  api: FirecrackerApi,
  iface: NetworkInterface,
  deadline: Deadline,
): Promise<void> {
  const why = "a tap device of the host becomes a network card of the guest";
  return api.put(`/network-interfaces/${iface.iface_id}`, iface, why, deadline);
}

/** PATCH /network-interfaces/ID, while the VM runs. What is left out stays. */
export function patchNetworkInterface(
  api: FirecrackerApi,
  change: NetworkInterfaceChange,
  deadline: Deadline,
): Promise<void> {
  return api.patch(`/network-interfaces/${change.iface_id}`, change, "other limits", deadline);
}
