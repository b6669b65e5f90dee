import type { Deadline } from "../../base/deadline.ts";
import { TAP_NAME } from "../../host/confinement.ts";
import { FIRST_MAC } from "../card.ts";
import type { CardShape } from "../shape.ts";
import type { FirecrackerApi } from "./api/api.ts";
import { putNetworkInterface } from "./api/network-interfaces.ts";

/** What a card is with Firecracker, always. */
export const CARD: CardShape = { backend: "tap", queues: 1, isVhost: false };

/** Letters, digits and _ only. */
const IFACE_ID = "net0";

/** Firecracker opens its tap at once. Without an MTU the guest may set any. */
export function putCard(api: FirecrackerApi, deadline: Deadline): Promise<void> {
  const iface = { iface_id: IFACE_ID, host_dev_name: TAP_NAME, guest_mac: FIRST_MAC };
  return putNetworkInterface(api, iface, deadline);
}
