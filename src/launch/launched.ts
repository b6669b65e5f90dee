import type { Shadow } from "../host/shadow.ts";
import type { ContainerRecord } from "../state/record.ts";
import type { StateStore } from "../state/store.ts";
import { removeLeftovers } from "./leftovers.ts";

/** A container that is created (or running). */
export interface Launched {
  shadow: Shadow;
  /** How many of the monitor's steps were passed on to be shown. */
  stepsHeard: number;
}

/** The journal first: whatever `work` acquires, delete finds. */
export async function journaled<T>(
  record: ContainerRecord,
  store: StateStore,
  work: () => Promise<T>,
): Promise<T> {
  store.write(record);
  try {
    return await work();
  } catch (error) {
    await removeLeftovers(asWritten(record, store), store.dirOf(record.id));
    throw error;
  }
}

/** What its monitor has added to the record: its network has something of the host. */
function asWritten(record: ContainerRecord, store: StateStore): ContainerRecord {
  try {
    const { network } = store.read(record.id).vm ?? {};
    return record.vm && network ? { ...record, vm: { ...record.vm, network } } : record;
  } catch {
    return record;
  }
}
