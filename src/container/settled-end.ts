import { once } from "node:events";
import { watch } from "node:fs";
import { Deadline } from "../base/deadline.ts";
import type { ContainerRecord } from "../state/record.ts";
import type { StateStore } from "../state/store.ts";

/** A monitor ends what is left of the VM first: some tenths of a second, a second where a share's server hangs. */
const SETTLE_MS = 3000;

/**
 * The record of a container whose VM or shadow has ended, when its monitor has written down how. Before that nobody knows whether it ended in order.
 * What is known by now, when that takes too long or somebody has deleted it.
 */
export async function settledEnd(store: StateStore, container: ContainerRecord): Promise<ContainerRecord> {
  const { id } = container;
  const deadline = Deadline.after(SETTLE_MS);
  try {
    const watcher = watch(store.dirOf(id));
    try {
      for (;;) {
        const record = store.read(id);
        if (record.status === "stopped") return record;
        await deadline.race(once(watcher, "change"), "the record of its end");
      }
    } finally {
      watcher.close();
    }
  } catch {
    return container;
  }
}
