import type { Deadline } from "../../../base/deadline.ts";
import type { FirecrackerApi } from "./api.ts";

/** The metadata service: a small store that the guest reads by HTTP. */
export interface MmdsConfig {
  /** Of interfaces that were attached before. */
  network_interfaces: string[];
  /** With "V2" the guest must ask for a token first. */
  version?: "V1" | "V2";
  /** Where the guest finds it; a link-local one, 169.254.169.254 by default. */
  ipv4_address?: string;
  /** Answers as the one of EC2, whatever the guest asks for. */
  imds_compat?: boolean;
}

/** What the guest can read; at most 50 KiB, if Firecracker was not started with another limit. */
export type Metadata = Record<string, unknown>;

/** PUT /mmds/config, before the start. */
export function putMmdsConfig(api: FirecrackerApi, config: MmdsConfig, deadline: Deadline): Promise<void> {
  return api.put("/mmds/config", config, "where the guest finds its metadata", deadline);
}

/** PUT /mmds: instead of all that was there. */
export function putMmds(api: FirecrackerApi, data: Metadata, deadline: Deadline): Promise<void> {
  return api.put("/mmds", data, "metadata for the guest", deadline);
}

/** PATCH /mmds: merged into what is there (RFC 7396). Only after a PUT. */
export function patchMmds(api: FirecrackerApi, data: Metadata, deadline: Deadline): Promise<void> {
  return api.patch("/mmds", data, "other metadata for the guest", deadline);
}

/** GET /mmds */
export async function getMmds(api: FirecrackerApi, deadline: Deadline): Promise<Metadata> {
  return (await api.get("/mmds", "which metadata has the guest?", deadline)).all();
}
