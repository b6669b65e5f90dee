import { existsSync } from "node:fs";
import { join } from "node:path";
import { asNkError, NkError } from "../base/errors.ts";
import { adoptVm } from "../contract/adopt-client.ts";
import type { Adoption } from "../contract/adoption.ts";
import { followReport } from "../contract/follow-report.ts";
import { readLines } from "../host/lines.ts";
import { POOL_FOLDER, PoolStore, readPooled } from "../state/pool-store.ts";
import { commandHint } from "../state/paths.ts";
import { notices, traced } from "../trace/channels.ts";
import type { CreateRequest } from "./create-request.ts";
import { discardPooled, endPooled } from "./end-pooled.ts";
import { poolKey } from "./pool-key.ts";
import type { OpenedSandbox } from "./sandbox.ts";

const WHY = "a VM of this shape has booted already and waits";

/**
 * Takes a VM that waits in the pool of the container's shape, if there is one, and makes it the container's. One that fails by then is thrown away.
 * @returns undefined: the VM is to be started cold
 * @throws BAD_STATE when one is demanded (`--vm-start=pool`) and none can be had
 */
export async function takeFromPool(
  request: CreateRequest,
  adoption: Adoption,
): Promise<OpenedSandbox | undefined> {
  const { settings, settled, store, id } = request;
  const wish = settings.start;
  if (wish === "cold" || settled?.shape.root !== "share") {
    if (wish === "pool") throw noPool("a root file system on a disk is made for its container");
    return undefined;
  }
  if (existsSync(join(store.root, POOL_FOLDER))) {
    const pool = new PoolStore(store.root, poolKey(settled.shape));
    const folder = pool.take(store.dirOf(id));
    if (folder !== undefined) return adopt(folder, request, adoption);
  }
  if (wish === "pool")
    throw noPool(
      `none of this shape waits: ${commandHint(store.root, "vm-pool status")} shows those that do`,
    );
  return undefined;
}

function noPool(reason: string): NkError {
  return new NkError("BAD_STATE", `--vm-start=pool (vm.start): no VM can be taken: ${reason}`);
}

async function adopt(
  folder: string,
  request: CreateRequest,
  adoption: Adoption,
): Promise<OpenedSandbox | undefined> {
  const record = adoption.container;
  const pooled = readPooled(folder);
  try {
    if (pooled === undefined) throw new NkError("DAMAGED", `${folder}: nothing is known of the VM`);
    // The journal first: whoever deletes the container ends this VM.
    Object.assign(record.vm, {
      ...pooled.vm,
      cgroups: record.vm.cgroups,
      joinedCgroups: record.vm.joinedCgroups,
    });
    request.store.write(record);
    const control = join(folder, "control.sock");
    return await traced(
      "cli",
      "take a VM that waits",
      { why: WHY, what: `POST /adopt on ${control}` },
      async () => {
        const socket = await adoptVm(control, adoption);
        const report = followReport(readLines(socket));
        await report.listening;
        return {
          stateDir: folder,
          holderPid: pooled.holder.pid,
          isFromPool: true,
          report,
          end: async () => {
            socket.destroy();
            endPooled(folder);
          },
        };
      },
    );
  } catch (error) {
    discardPooled(folder);
    if (request.settings.start === "pool") throw error;
    notices.publish(`the VM that waited could not be used, so one is started: ${asNkError(error).message}`);
    return undefined;
  }
}
