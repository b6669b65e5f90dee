import type { Bundle } from "../oci/bundle.ts";
import { thisProcess } from "../state/claim.ts";
import { ownerName } from "../state/owner.ts";
import type { ContainerRecord } from "../state/record.ts";

/** The record of a container that this process is about to create. */
export function newRecord(id: string, bundle: Bundle, mode: ContainerRecord["mode"]): ContainerRecord {
  return {
    version: 1,
    id,
    mode,
    status: "creating",
    pid: 0,
    pidStartTime: 0,
    ociVersion: bundle.config.ociVersion,
    bundle: bundle.path,
    rootfs: bundle.rootfs,
    created: new Date().toISOString(),
    annotations: bundle.config.annotations ?? {},
    owner: ownerName(),
    creator: thisProcess(),
  };
}
