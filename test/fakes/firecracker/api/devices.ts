// Drives, network interfaces and pmem: devices with an id in the path.
import { Fault, RequestFault } from "../http/fault.ts";
import { driveConfig, driveUpdate } from "../resources/drives.ts";
import { interfaceDecoder, interfaceUpdate } from "../resources/network.ts";
import { pmemDecoder, pmemUpdate } from "../resources/pmem.ts";
import type { Traits } from "../version.ts";
import type { Vmm } from "../vmm.ts";
import { after, checkedId, parse, type Action } from "./action.ts";

const NO_MATCH = "The id from the path does not match the id from the body!";
const AFTER_START = "The requested operation is not supported after starting the microVM.";

/** To add a device to a running VM needs PCI, which we do not have. */
function inserts(insert: (vmm: Vmm) => void): Action {
  return {
    when: "always",
    act: (vmm) => {
      if (vmm.started) throw new Fault(vmm.traits.since116 ? notPluggable(vmm) : AFTER_START);
      vmm.bootPath = true;
      insert(vmm);
    },
  };
}

function notPluggable({ pciEnabled }: Vmm): string {
  return pciEnabled ? "Hot-plug is not part of this stand-in" : "PCI is not enabled";
}

export function removeDevice(id: string | undefined): Action {
  checkedId(id);
  return after((vmm) => {
    throw new Fault(notPluggable(vmm));
  });
}

function sameId(fromPath: string, fromBody: string): void {
  if (fromPath !== fromBody) throw RequestFault.generic(NO_MATCH);
}

/** Network requests name both. */
function sameInterfaceId(fromPath: string, fromBody: string): void {
  if (fromPath !== fromBody)
    throw RequestFault.generic(
      `The id from the path [${fromPath}] does not match the id from the body [${fromBody}]!`,
    );
}

export function putDrive(body: Buffer, pathId: string | undefined): Action {
  const id = checkedId(pathId);
  const config = parse(driveConfig, body);
  sameId(id, config.drive_id);
  return inserts((vmm) => vmm.drives.insert(config));
}

export function patchDrive(body: Buffer, pathId: string | undefined): Action {
  const id = checkedId(pathId);
  const update = parse(driveUpdate, body);
  sameId(id, update.drive_id);
  return after(async (vmm) => {
    const { path, readOnly } = vmm.drives.update(update);
    if (update.path_on_host !== null) await vmm.guest.replaceDrive({ id, path, readOnly });
  });
}

export function putInterface(traits: Traits, body: Buffer, pathId: string | undefined): Action {
  const id = checkedId(pathId);
  const config = parse(interfaceDecoder(traits), body);
  sameInterfaceId(id, config.iface_id);
  return inserts((vmm) => vmm.interfaces.insert(config));
}

export function patchInterface(body: Buffer, pathId: string | undefined): Action {
  const id = checkedId(pathId);
  const update = parse(interfaceUpdate, body);
  sameInterfaceId(id, update.iface_id);
  return after((vmm) => vmm.interfaces.update(update));
}

export function putPmem(traits: Traits, body: Buffer, pathId: string | undefined): Action {
  const id = checkedId(pathId);
  const config = parse(pmemDecoder(traits), body);
  sameId(id, config.id);
  return inserts((vmm) => vmm.pmems.insert(config));
}

export function patchPmem(body: Buffer, pathId: string | undefined): Action {
  const id = checkedId(pathId);
  const update = parse(pmemUpdate, body);
  sameId(id, update.id);
  return after((vmm) => vmm.pmems.update(update));
}
