import type { GuestCard } from "../guest/guest.ts";
import { Fault } from "../http/fault.ts";
import { made, optional, required, struct, text, u16, type Decode, type Fields } from "../serde/decode.ts";
import { SerdeError } from "../serde/reader.ts";
import type { Traits } from "../version.ts";
import { rateLimiter, shown, updated, type RateLimiter } from "./rate-limiter.ts";
import { Tap } from "./tap.ts";

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

/** The network devices, each with its tap. */
export class Interfaces {
  private list: { config: InterfaceConfig; tap: Tap }[] = [];

  /** One with the same id is gone, also when the new one cannot be had. @throws Fault */
  insert(config: InterfaceConfig): void {
    const others = this.list.filter(({ config: { iface_id: id } }) => id !== config.iface_id);
    const { guest_mac: wanted } = config;
    if (wanted !== null && others.some(({ config: { guest_mac: taken } }) => taken === wanted))
      throw new Fault(`Network config error: The MAC address is already in use: ${wanted}`);
    for (const { tap } of this.list.filter((known) => !others.includes(known))) tap.close();
    this.list = others;
    this.list.push({ config, tap: new Tap(config.host_dev_name) });
  }

  update({ iface_id: id, rx_rate_limiter: rx, tx_rate_limiter: tx }: InterfaceUpdate): void {
    const found = this.list.find(({ config }) => config.iface_id === id)?.config;
    if (found === undefined)
      throw new Fault(
        "Network config error: Unable to update the net device: Failed perform action on device: Device not found",
      );
    if (rx !== null) found.rx_rate_limiter = updated(found.rx_rate_limiter, rx);
    if (tx !== null) found.tx_rate_limiter = updated(found.tx_rate_limiter, tx);
  }

  has(id: string): boolean {
    return this.ids().includes(id);
  }

  /** What a guest is given. */
  cards(): GuestCard[] {
    return this.list.map(({ config, tap }) => ({ id: config.iface_id, mac: config.guest_mac, fd: tap.fd }));
  }

  ids(): string[] {
    return this.list.map(({ config }) => config.iface_id);
  }

  /** For a snapshot. */
  saved(): InterfaceConfig[] {
    return this.list.map(({ config }) => config);
  }

  configs(): object[] {
    return this.list.map(({ config }) => ({
      ...config,
      rx_rate_limiter: shown(config.rx_rate_limiter),
      tx_rate_limiter: shown(config.tx_rate_limiter),
    }));
  }
}
