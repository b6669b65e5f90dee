import { Fault } from "../http/fault.ts";
import { bool, otherwise, required, struct, u16, u32 } from "../serde/decode.ts";

const PAGES_PER_MIB = 256;
const NOT_CONFIGURED = "Balloon config error: No balloon device found.";

export const balloonConfig = struct("BalloonDeviceConfig", {
  amount_mib: required(u32),
  deflate_on_oom: required(bool),
  stats_polling_interval_s: otherwise(u16, 0),
  free_page_hinting: otherwise(bool, false),
  free_page_reporting: otherwise(bool, false),
});
export type BalloonConfig = ReturnType<typeof balloonConfig>;

export const balloonUpdate = struct("BalloonUpdateConfig", { amount_mib: required(u32) });
export const balloonStatsUpdate = struct("BalloonUpdateStatsConfig", {
  stats_polling_interval_s: required(u16),
});

/** The balloon as the host sees it; no guest inflates it. */
export class Balloon {
  config: BalloonConfig | undefined;

  get amountMib(): number {
    return this.config?.amount_mib ?? 0;
  }

  set(config: BalloonConfig, memoryMib: number): void {
    if (config.amount_mib > memoryMib)
      throw new Fault("Balloon config error: Amount of pages requested is too large.");
    this.config = config;
  }

  /** `running`: an unknown device is worded differently then. */
  get(running: boolean): BalloonConfig {
    if (this.config === undefined)
      throw new Fault(running ? missingDevice("Internal VMM error") : NOT_CONFIGURED);
    return this.config;
  }

  resize(amountMib: number, memoryMib: number): void {
    if (this.config === undefined) throw new Fault(missingDevice("Balloon update error"));
    if (amountMib > memoryMib)
      throw new Fault("Balloon update error: Balloon: Amount of pages requested cannot fit in `u32`.");
    this.config = { ...this.config, amount_mib: amountMib };
  }

  /** Statistics can be had more or less often, but not switched on or off. */
  setInterval(seconds: number): void {
    if (this.config === undefined) throw new Fault(missingDevice("Balloon update error"));
    if ((seconds === 0) !== (this.config.stats_polling_interval_s === 0))
      throw new Fault(
        "Balloon update error: Balloon: Statistics cannot be enabled/disabled after activation.",
      );
    this.config = { ...this.config, stats_polling_interval_s: seconds };
  }

  /** What a guest that has all its memory but a fifth free would report. */
  statistics(memoryMib: number): object {
    if (this.config === undefined) throw new Fault(missingDevice("Internal VMM error"));
    if (this.config.stats_polling_interval_s === 0)
      throw new Fault("Internal VMM error: Balloon: Statistics for the balloon device are not enabled");
    const total = memoryMib << 20;
    return {
      target_pages: this.amountMib * PAGES_PER_MIB,
      actual_pages: 0,
      target_mib: this.amountMib,
      actual_mib: 0,
      swap_in: 0,
      swap_out: 0,
      major_faults: 0,
      minor_faults: 0,
      free_memory: Math.floor(total * 0.8),
      total_memory: total,
      available_memory: Math.floor(total * 0.8),
      disk_caches: 0,
    };
  }
}

export function missingDevice(prefix: string): string {
  return `${prefix}: Failed perform action on device: Device not found`;
}
