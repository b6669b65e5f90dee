import { existsSync, readlinkSync, rmSync, symlinkSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/**
 * The sandbox that a container lives in has a folder: sockets, logs, trace. For a VM that was started for the container that is its own state folder. For
 * one that was taken from a pool a link leads from there: to the file by whose name the VM is taken (pool-store.ts), so that a link whose file
 * is not there is a VM that somebody else has got.
 */
const LINK = "sandbox";

/** @param stateDir of a container @param token path of the file that is there when the VM is taken. Before it is: who is killed meanwhile leaves a trace. */
export function linkHome(stateDir: string, token: string): void {
  rmSync(join(stateDir, LINK), { force: true });
  symlinkSync(token, join(stateDir, LINK));
}

/** The folder of a VM that was taken for the container of this state folder, if it was. */
export function takenHome(stateDir: string): string | undefined {
  try {
    const token = readlinkSync(join(stateDir, LINK));
    return existsSync(token) ? dirname(token) : undefined;
  } catch {
    return undefined;
  }
}

/** The folder of the sandbox that has the container of this state folder. */
export function homeDir(stateDir: string): string {
  return takenHome(stateDir) ?? stateDir;
}

/** Whether the container of this state folder has the VM that was taken by the file of this name. */
export function isHomeOf(stateDir: string, token: string): boolean {
  try {
    return basename(readlinkSync(join(stateDir, LINK))) === token;
  } catch {
    return false;
  }
}
