import { existsSync, readFileSync, readdirSync, realpathSync, rmdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { NkError } from "../base/errors.ts";
import { warnings } from "../trace/channels.ts";
import { membersOf } from "./cgroup.ts";
import { killProcess } from "./process-info.ts";

const MARK = "NK_STATE_DIR";

/** The environment of what is started for a container: all of its processes inherit it but the confined ones, which end with their guards. */
export function markedEnvironment(stateDir: string): NodeJS.ProcessEnv {
  return { ...process.env, [MARK]: realPath(stateDir) };
}

function realPath(path: string): string {
  return existsSync(path) ? realpathSync(path) : path;
}

/** How often and how long folders are tried again whose last process is just going: v1 has no event for it. Most are gone within milliseconds. */
const REMOVE_TRIES = 100;
const MAX_REMOVE_WAIT_MS = 20;

/**
 * Removes folders that were made for a container, with what was made below them, and the empty `/nano-sandbox` parent. Processes of that container
 * that are still inside are killed first. A folder with others in it is somebody else's by now: it is left, with a warning.
 * @param stateDirs its own, and that of its VM if it has another @throws HOST when one stays busy for two seconds
 */
export async function removeCgroups(
  paths: readonly string[],
  ...stateDirs: readonly string[]
): Promise<void> {
  let left = paths.filter((path) => !removeTree(path));
  for (let tries = 0; left.length > 0 && tries < REMOVE_TRIES; tries += 1) {
    // A process is in a folder of each hierarchy of version 1.
    const members = new Set(left.flatMap(membersOf));
    for (const pid of members) if (isOf(pid, stateDirs) && !isGuard(pid)) killProcess(pid);
    await new Promise((resolve) => {
      setTimeout(resolve, Math.min(2 ** tries, MAX_REMOVE_WAIT_MS));
    });
    left = left.filter((path) => !removeTree(path));
  }
  for (const path of left) leave(path, stateDirs);
  for (const parent of new Set(paths.map(dirname))) {
    if (parent.endsWith("/nano-sandbox")) tryRemove(parent);
  }
}

function leave(path: string, stateDirs: readonly string[]): void {
  const members = membersOf(path);
  if (members.length === 0 || members.some((pid) => isOf(pid, stateDirs)))
    throw new NkError("HOST", `cgroup ${path} is still busy`, { see: `${path}/cgroup.procs` });
  const some = members.slice(0, 8).join(", ");
  warnings.publish(`the cgroup ${path} is left: processes of others are in it (${some})`);
}

function isOf(pid: number, stateDirs: readonly string[]): boolean {
  try {
    const variables = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
    return stateDirs.some((stateDir) => variables.includes(`${MARK}=${realPath(stateDir)}`));
  } catch {
    return false; // it has just ended
  }
}

/** It ends by itself, with what it guards: a jailed VMM, which has no mark and would be left without it (native/daemon/guard.c). */
function isGuard(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8") === "nk-guard\n";
  } catch {
    return false;
  }
}

function removeTree(path: string): boolean {
  try {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      if (entry.isDirectory()) removeTree(join(path, entry.name));
    }
  } catch {
    return true;
  }
  return tryRemove(path);
}

function tryRemove(path: string): boolean {
  try {
    rmdirSync(path);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT";
  }
}
