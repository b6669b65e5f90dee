import { isHeld, readClaim, takeOver } from "../state/claim.ts";
import type { Garbage } from "../state/garbage.ts";
import type { MachineRecord } from "../state/machine-record.ts";
import { MachineStore } from "../state/machine-store.ts";
import type { StateStore } from "../state/store.ts";
import { removeRemains } from "./control.ts";
import { isLive, refreshMachine } from "./refresh.ts";

/** What killed monitors have left of VMs made by hand. The VMs stay, stopped: their owners may start them again. */
export function machineGarbage(store: StateStore): Garbage[] {
  const machines = new MachineStore(store);
  return machines
    .list()
    .map((record) => remainsOf(machines, record))
    .filter((found) => found !== undefined);
}

function remainsOf(machines: MachineStore, { id }: MachineRecord): Garbage | undefined {
  const dir = machines.store.dirOf(id);
  // Before the record: vm-start takes the folder over before it changes anything.
  const claim = readClaim(dir);
  const record = machines.read(id);
  const now = refreshMachine(record);
  if (claim === undefined || isHeld(claim) || !isLive(record) || isLive(now)) return undefined;
  const remove = async (): Promise<boolean> => {
    if (!takeOver(dir, claim)) return false;
    await removeRemains(record, dir);
    machines.write(now);
    return true;
  };
  return { kind: "remains", name: id, reason: now.error?.message ?? "", remove };
}
