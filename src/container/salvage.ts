import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { asNkError } from "../base/errors.ts";
import { cgroupFolder, listHierarchies } from "../host/cgroup.ts";
import { removeCgroups } from "../host/cgroup-remove.ts";
import { scopeOf } from "../host/systemd-names.ts";
import { stopScope } from "../host/systemd-scope.ts";
import { foreignDeath, killProcess, processStartTime } from "../host/process-info.ts";
import { ControlClient } from "../contract/control-client.ts";
import { homeDir } from "../state/home.ts";
import { hostRuntimeRoot } from "../state/paths.ts";
import type { StateStore } from "../state/store.ts";
import { runQuietly } from "./host-command.ts";
import { chooseHostRuntime } from "./host-runtime.ts";
import { loadMode } from "./modes.ts";

/** The kernel needs no longer for a process without work of its own. */
const KILL_TIMEOUT_MS = 5000;

/**
 * `delete --force` of a container whose record is missing or damaged: everything that can be found by the names that follow from its
 * id. A monitor that lives still knows all, and writes the record anew when it ends.
 */
export async function salvage(store: StateStore, id: string): Promise<void> {
  const stateDir = store.dirOf(id);
  await endMonitor(homeDir(stateDir), id);
  if (await deletedByRecord(store, id)) return;
  await killMonitors(homeDir(stateDir));
  await removeFromRuntimes(store, id);
  const { unit, folder } = scopeOf(undefined, id);
  const paths = listHierarchies().flatMap(({ mountPoint }) =>
    [cgroupFolder(undefined, id), folder].map((path) => join(mountPoint, path)),
  );
  await removeCgroups(paths, stateDir, homeDir(stateDir));
  await stopScope(unit, paths);
  store.remove(id);
}

async function endMonitor(stateDir: string, id: string): Promise<void> {
  const client = new ControlClient(join(stateDir, "control.sock"));
  try {
    await client.request("POST", `/containers/${id}/end`);
    await client.gone();
  } catch {
    // None listens, or it does not know how to go on: it is killed next.
  } finally {
    client.close();
  }
}

async function deletedByRecord(store: StateStore, id: string): Promise<boolean> {
  try {
    const record = store.read(id);
    const mode = await loadMode(record.mode, store);
    await mode.delete(record, true);
    return true;
  } catch (error) {
    if (["NOT_FOUND", "DAMAGED"].includes(asNkError(error).code)) return false;
    throw error;
  }
}

/** Its VM dies with it (PR_SET_PDEATHSIG), and the shadow with their connection. */
async function killMonitors(stateDir: string): Promise<void> {
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    const startTime = processStartTime(Number(pid));
    if (startTime === undefined || !isMonitor(pid, stateDir)) continue;
    killProcess(Number(pid));
    await foreignDeath(Number(pid), startTime, KILL_TIMEOUT_MS);
  }
}

function isMonitor(pid: string, stateDir: string): boolean {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    const at = words.indexOf("monitor");
    return at > 0 && words[at + 1] === stateDir;
  } catch {
    return false; // it has just ended
  }
}

/** Container mode: the host's runtime has a record of its own. */
async function removeFromRuntimes(store: StateStore, id: string): Promise<void> {
  const stateDir = store.dirOf(id);
  const why = "removes the container, whose record is damaged";
  for (const name of ["runc", "crun"]) {
    if (!existsSync(join(hostRuntimeRoot(store.root, name), id))) continue;
    const host = chooseHostRuntime(name, store.root);
    await runQuietly({ host, args: ["delete", "--force", id], stateDir, why });
  }
}
