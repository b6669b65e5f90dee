import type { Bundle } from "../oci/bundle.ts";
import type { Settings } from "../oci/settings.ts";
import { thisProcess } from "../state/claim.ts";
import { ownerName } from "../state/owner.ts";
import type { ContainerRecord } from "../state/record.ts";

/** The record of a container that this process is about to create. @param detach nobody waits for it in the foreground */
export function newRecord(id: string, bundle: Bundle, settings: Settings, detach: boolean): ContainerRecord {
  const { mode } = settings;
  return {
    version: 1,
    id,
    mode,
    ...(mode === "vm" && isEndedByDelete(settings, detach) && { endOnDelete: true }),
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

/** docs/decisions/0006-delete-ends-the-vm.md */
function isEndedByDelete({ endOnDelete }: Settings, detach: boolean): boolean {
  return endOnDelete === "auto" ? !detach : endOnDelete === "on";
}
