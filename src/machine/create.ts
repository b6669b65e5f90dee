import { mkdirSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { NkError } from "../base/errors.ts";
import { cgroupFolder, planCgroup } from "../host/cgroup.ts";
import { findOpenRoot } from "../host/open-root.ts";
import { cardFor, chooseNetwork } from "../launch/network-choice.ts";
import { settleVm } from "../launch/settle-vm.ts";
import { vmRecord } from "../launch/vm-record.ts";
import type { Settings } from "../oci/settings.ts";
import { ownerName } from "../state/owner.ts";
import { TREE_FOLDER, type MachineRecord } from "../state/machine-record.ts";
import type { MachineStore } from "../state/machine-store.ts";
import { warnings } from "../trace/channels.ts";
import { writableRoot } from "./bundle-folder.ts";

export interface MachineRequest {
  id: string;
  settings: Settings;
  /** Absolute. */
  bundle: string | undefined;
}

/**
 * Makes a VM that can be started: everything it will need is looked for, nothing is run. The id is claimed as the
 * last step.
 * @throws EXISTS, BAD_CONFIG, UNSUPPORTED
 */
export async function createMachine(machines: MachineStore, request: MachineRequest): Promise<void> {
  const { id, bundle, settings } = request;
  const network = await chooseNetwork(settings, { isByHand: true });
  const settled = await settleVm(settings, { takesMany: true, needsVolumes: true, card: cardFor(network) });
  machines.checkFree(id);
  const prepared = machines.store.prepare();
  try {
    const bundleRoot = bundle === undefined ? undefined : writableRoot(bundle);
    if (settings.sync) throw noSync();
    mkdirSync(join(prepared, TREE_FOLDER));
    const record: MachineRecord = {
      version: 1,
      id,
      status: "created",
      pid: 0,
      pidStartTime: 0,
      created: new Date().toISOString(),
      owner: ownerName(),
      settings: { ...settings, vmm: settled.shape.vmm },
      ...(bundle !== undefined && { bundle }),
      ...(bundleRoot !== undefined && { bundleRoot }),
      vm: vmRecord(settled, settings, planCgroup(cgroupFolder(undefined, id))),
    };
    if (bundle !== undefined && bundleRoot !== undefined) warnOfOpenRoot(bundle, bundleRoot);
    machines.claim(prepared, record);
  } catch (error) {
    machines.store.discard(prepared);
    throw error;
  }
}

function warnOfOpenRoot(bundle: string, root: string): void {
  const folder = realpathSync(bundle);
  const open = findOpenRoot(join(folder, root), folder);
  if (open) warnings.publish(`${open.found}: ${open.mend}`);
}

function noSync(): NkError {
  return new NkError(
    "BAD_CONFIG",
    "--vm-sync (vm.sync) copies back from a disk of the VM, and a VM made by hand has none: leave it out",
  );
}
