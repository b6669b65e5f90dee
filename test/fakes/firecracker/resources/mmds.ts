import { Fault, TooLarge } from "../http/fault.ts";
import {
  bool,
  list,
  made,
  oneOf,
  optional,
  otherwise,
  required,
  struct,
  text,
  type Json,
} from "../serde/decode.ts";
import { SerdeError } from "../serde/reader.ts";

const ipv4 = made(text, (value) => {
  if (!/^\d{1,3}(\.\d{1,3}){3}$/.test(value) || value.split(".").some((part) => Number(part) > 255))
    throw new SerdeError("invalid IPv4 address syntax");
  return value;
});

export const mmdsConfig = struct("MmdsConfig", {
  version: otherwise(oneOf(["V1", "V2"]), "V1"),
  network_interfaces: required(list(text)),
  ipv4_address: optional(ipv4),
  imds_compat: otherwise(bool, false),
});
export type MmdsConfig = ReturnType<typeof mmdsConfig>;

/** The data store for guests. */
export class Mmds {
  config: MmdsConfig | null = null;
  private data: Json = null;
  private readonly sizeLimit: number;

  constructor(sizeLimit: number) {
    this.sizeLimit = sizeLimit;
  }

  /** "MMMDS" is how Firecracker spells it. */
  configure(config: MmdsConfig, hasInterface: (id: string) => boolean): void {
    const complaint = configComplaint(config, hasInterface);
    if (complaint !== undefined) throw new Fault(`MMMDS config error: ${complaint}`);
    this.config = config;
  }

  put(value: Json): void {
    if (Buffer.byteLength(JSON.stringify(value)) > this.sizeLimit)
      throw new TooLarge("MMDS limit exceeded error: The MMDS patch request doesn't fit.");
    this.data = value;
  }

  patch(value: Json): void {
    if (this.data === null) throw new Fault("MMDS error: The MMDS data store is not initialized.");
    this.put(merged(this.data, value));
  }

  /** Nothing yet is shown as an empty object. */
  json(): string {
    return JSON.stringify(this.data ?? {});
  }
}

function configComplaint(config: MmdsConfig, hasInterface: (id: string) => boolean): string | undefined {
  if (config.network_interfaces.length === 0)
    return "The list of network interface IDs that allow forwarding MMDS requests is empty.";
  if (!config.network_interfaces.every(hasInterface))
    return "The list of network interface IDs provided contains at least one ID that does not correspond to any existing network interface.";
  if (config.ipv4_address !== null && !config.ipv4_address.startsWith("169.254."))
    return "The MMDS IPv4 address is not link local.";
  return undefined;
}

/** JSON merge patch (RFC 7396). */
function merged(old: Json, patch: Json): Json {
  if (patch === null || typeof patch !== "object" || Array.isArray(patch)) return patch;
  const result: Record<string, Json> =
    old !== null && typeof old === "object" && !Array.isArray(old) ? { ...old } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = merged(result[key] ?? null, value);
  }
  return Object.fromEntries(Object.entries(result).sort(([a], [b]) => (a < b ? -1 : 1)));
}
