import { asNkError } from "../base/errors.ts";
import { runHooks } from "../oci/hooks.ts";
import type { ContainerRecord } from "../state/record.ts";
import type { StateStore } from "../state/store.ts";
import { warnings } from "../trace/channels.ts";
import { removeLeftovers } from "../launch/leftovers.ts";

/** Removes a container that has ended, with what a killed monitor has left of it, and gives its id back. */
export async function removeContainer(store: StateStore, container: ContainerRecord): Promise<void> {
  await removeLeftovers(container, store.dirOf(container.id));
  await runPoststop(store, container);
  store.remove(container.id);
}

/** Nothing that a hook does, or that keeps it from being run, may keep the container (runtime-spec runtime.md#lifecycle). */
async function runPoststop(store: StateStore, container: ContainerRecord): Promise<void> {
  const { id } = container;
  try {
    const stopped: ContainerRecord = { ...container, status: "stopped" };
    for (const failure of await runHooks("poststop", store.dirOf(id), stopped)) warnings.publish(failure);
  } catch (error) {
    // Another command has removed it meanwhile, with its hooks: the `run` that was killed in part, say.
    if (!store.has(id)) return;
    warnings.publish(`no poststop hook of container ${id} was run: ${asNkError(error).message}`);
  }
}
