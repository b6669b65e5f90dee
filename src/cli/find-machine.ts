import { refresh } from "../container/modes.ts";
import { NkError } from "../base/errors.ts";
import { findMachine, type MachineView, type RefreshContainer } from "../machine/view.ts";
import type { MachineRecord } from "../state/machine-record.ts";
import { commandHint } from "../state/paths.ts";
import { MachineStore } from "../state/machine-store.ts";
import type { StateStore } from "../state/store.ts";
import type { CommandContext } from "./command.ts";

/** The VM made by hand that the first positional names. @throws NOT_FOUND, BAD_STATE for the VM of a container */
export function findHandMade({ positionals, store }: CommandContext): {
  machines: MachineStore;
  record: MachineRecord;
} {
  const id = positionals[0] ?? "";
  const machines = new MachineStore(store);
  if (!machines.has(id) && store.has(id)) {
    throw new NkError("BAD_STATE", `${id} is a container: its VM is started, paused and removed with it`);
  }
  return { machines, record: machines.read(id) };
}

export function refresher(store: StateStore): RefreshContainer {
  return (record) => refresh(record, store);
}

/** A VM with a monitor that can be asked. @throws NOT_FOUND, BAD_STATE when it does not run */
export async function findRunning(store: StateStore, id: string): Promise<MachineView> {
  const machine = await findMachine(store, id, refresher(store));
  const { status, madeBy } = machine;
  if (status !== "created" && status !== "stopped") return machine;
  const mend =
    madeBy === "container"
      ? "its container has stopped"
      : `${commandHint(store.root, `vm-start ${id}`)} starts it`;
  throw new NkError("BAD_STATE", `the VM ${id} is ${status}: ${mend}`);
}
