import { once } from "node:events";
import { watch } from "node:fs";
import { Deadline } from "../base/deadline.ts";
import { foreignDeath } from "../host/process-info.ts";
import type { ContainerRecord } from "../state/record.ts";
import type { StateStore } from "../state/store.ts";

/** A monitor ends what is left of the VM first: some tenths of a second, a second where a share's server hangs. */
const SETTLE_MS = 3000;

/** A shadow is the last to go: milliseconds after its end was written down, or after the death of its monitor. It stays where nobody reads its output. */
const SHADOW_END_MS = 1000;

/**
 * The record of a container that is ending, when its monitor has written down how, and its shadow has gone. Before that nobody knows whether it ended in
 * order. What is known by now, when that takes too long; one that somebody has deleted has stopped.
 * @param isLost its monitor was killed, and writes nothing
 */
export async function settledEnd(
  store: StateStore,
  container: ContainerRecord,
  isLost: boolean,
): Promise<ContainerRecord> {
  const record = isLost ? container : await recordedEnd(store, container);
  await foreignDeath(record.pid, record.pidStartTime, SHADOW_END_MS);
  return record;
}

async function recordedEnd(store: StateStore, container: ContainerRecord): Promise<ContainerRecord> {
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
    return store.has(id) ? container : { ...container, status: "stopped", pid: 0 };
  }
}
