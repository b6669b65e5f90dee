import { closeSync, openSync } from "node:fs";
import { Fault } from "../http/fault.ts";
import { osError } from "../os-error.ts";
import {
  bool,
  optional,
  otherwise,
  path,
  required,
  struct,
  text,
  type Decode,
  type Fields,
} from "../serde/decode.ts";
import type { Traits } from "../version.ts";
import { rateLimiter, updated, type RateLimiter } from "./rate-limiter.ts";

export interface PmemConfig {
  id: string;
  path_on_host: string;
  root_device: boolean;
  read_only: boolean;
  rate_limiter?: RateLimiter | null;
}

export function pmemDecoder({ since116 }: Traits): Decode<PmemConfig> {
  const limiter: Fields = since116 ? { rate_limiter: optional(rateLimiter) } : {};
  return struct("PmemConfig", {
    id: required(text),
    path_on_host: required(path),
    root_device: otherwise(bool, false),
    read_only: otherwise(bool, false),
    ...limiter,
  }) as Decode<PmemConfig>;
}

export const pmemUpdate = struct("PmemDeviceUpdateConfig", {
  id: required(text),
  rate_limiter: optional(rateLimiter),
});
export type PmemUpdate = ReturnType<typeof pmemUpdate>;

/** Files that the guest sees as persistent memory. No guest engine of ours offers them. */
export class Pmems {
  private list: { config: PmemConfig; fd: number }[] = [];

  insert(config: PmemConfig): void {
    const index = this.list.findIndex(({ config: { id } }) => id === config.id);
    if (config.root_device && this.list.some((other, at) => at !== index && other.config.root_device))
      throw new Fault("Pmem device error: A root pmem device already exist");
    const pmem = { config, fd: open(config) };
    const old = this.list[index];
    if (old === undefined) {
      this.list.push(pmem);
      return;
    }
    closeSync(old.fd);
    this.list[index] = pmem;
  }

  update({ id, rate_limiter: limiter }: PmemUpdate): void {
    const found = this.list.find(({ config }) => config.id === id);
    if (found === undefined)
      throw new Fault("Pmem device error: Failed perform action on device: Device not found");
    if (limiter !== null) found.config.rate_limiter = updated(found.config.rate_limiter ?? null, limiter);
  }

  configs(): PmemConfig[] {
    return this.list.map(({ config }) => config);
  }
}

function open({ path_on_host: file, read_only: readOnly }: PmemConfig): number {
  try {
    return openSync(file, readOnly ? "r" : "r+");
  } catch (error) {
    throw new Fault(
      `Pmem device error: Unable to create the virtio-pmem device: Error accessing backing file: ${osError(error)}`,
    );
  }
}
