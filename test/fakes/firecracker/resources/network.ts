import { Fault } from "../http/fault.ts";
import { made, optional, required, struct, text, u16, type Decode, type Fields } from "../serde/decode.ts";
import { SerdeError } from "../serde/reader.ts";
import type { Traits } from "../version.ts";
import { rateLimiter, shown, updated, type RateLimiter } from "./rate-limiter.ts";

/** IFNAMSIZ less its NUL byte. */
const INTERFACE_NAME_MAX = 15;

const mac = made(text, (value) => {
  if (!/^[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}$/.test(value))
    throw new SerdeError("The provided MAC address is invalid.");
  return value.toLowerCase();
});

export interface InterfaceConfig {
  iface_id: string;
  host_dev_name: string;
  guest_mac: string | null;
  mtu: number | null;
  rx_rate_limiter: RateLimiter | null;
  tx_rate_limiter: RateLimiter | null;
}

const limiters = { rx_rate_limiter: optional(rateLimiter), tx_rate_limiter: optional(rateLimiter) };
const names = { iface_id: required(text), host_dev_name: required(text), guest_mac: optional(mac) };

export function interfaceDecoder({ since116 }: Traits): Decode<InterfaceConfig> {
  const mtu: Fields = since116 ? { mtu: optional(u16) } : {};
  return struct("NetworkInterfaceConfig", { ...names, ...mtu, ...limiters }) as Decode<InterfaceConfig>;
}

export const interfaceUpdate = struct("NetworkInterfaceUpdateConfig", {
  iface_id: required(text),
  ...limiters,
});
export type InterfaceUpdate = ReturnType<typeof interfaceUpdate>;

/** The network devices. Taps are names here: none is opened, and only those of this VM are known to be taken. */
export class Interfaces {
  private list: InterfaceConfig[] = [];

  insert(config: InterfaceConfig): void {
    const others = this.list.filter(({ iface_id: id }) => id !== config.iface_id);
    if (config.guest_mac !== null && others.some(({ guest_mac: taken }) => taken === config.guest_mac))
      throw new Fault(`Network config error: The MAC address is already in use: ${config.guest_mac}`);
    this.list = others;
    checkTap(config.host_dev_name, others);
    this.list = [...others, config];
  }

  update({ iface_id: id, rx_rate_limiter: rx, tx_rate_limiter: tx }: InterfaceUpdate): void {
    const found = this.list.find((config) => config.iface_id === id);
    if (found === undefined)
      throw new Fault(
        "Network config error: Unable to update the net device: Failed perform action on device: Device not found",
      );
    if (rx !== null) found.rx_rate_limiter = updated(found.rx_rate_limiter, rx);
    if (tx !== null) found.tx_rate_limiter = updated(found.tx_rate_limiter, tx);
  }

  has(id: string): boolean {
    return this.list.some(({ iface_id: known }) => known === id);
  }

  ids(): string[] {
    return this.list.map(({ iface_id: id }) => id);
  }

  /** For a snapshot. */
  saved(): InterfaceConfig[] {
    return this.list;
  }

  configs(): object[] {
    return this.list.map((config) => ({
      ...config,
      rx_rate_limiter: shown(config.rx_rate_limiter),
      tx_rate_limiter: shown(config.tx_rate_limiter),
    }));
  }
}

function checkTap(name: string, others: readonly InterfaceConfig[]): void {
  const opening = "Network config error: Could not create the network device: Open tap device failed:";
  if (Buffer.byteLength(name) > INTERFACE_NAME_MAX) throw new Fault(`${opening} Invalid interface name`);
  if (others.some(({ host_dev_name: taken }) => taken === name))
    throw new Fault(
      `${opening} Error while creating ifreq structure: Device or resource busy (os error 16). ` +
        `Invalid TUN/TAP Backend provided by ${name}. Check our documentation on setting up the network devices.`,
    );
}
