import { mkdirSync, readdirSync, readlinkSync, symlinkSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { randomBytes } from "../base/random.ts";
import { dataFolder } from "../host/folders.ts";
import { removeTree } from "../host/remove-tree.ts";
import { isOwnerAlive, ownName } from "./claim.ts";
import { takenHome } from "./home.ts";
import { removeWhole } from "./remove-whole.ts";

/**
 * Bundles that `run --image` has unpacked. State folders are in memory on most hosts, so these lie on disk, each in a folder of its own,
 * named by the process that makes it. Two links lead from the state folder to it and back; the first is there before it is made. It goes
 * with the state folder, whoever removes that; where that was lost (a restart of the host), `gc` finds it by the second.
 */
const BUNDLES = join(dataFolder(), "bundles");
const NAME = /^(\d+)-(\d+)-[0-9a-f]{8}$/;

/** In the state folder. */
const TO_BUNDLE = "image";
/** In the bundle's folder. */
const TO_STATE = "state";

/**
 * @param prepared the state folder as it is called now
 * @param stateDir as it will be called
 * @returns the path of a bundle to be made
 */
export function newImageBundle(prepared: string, stateDir: string): string {
  const folder = join(BUNDLES, `${ownName()}-${randomBytes(4).toString("hex")}`);
  symlinkSync(folder, join(prepared, TO_BUNDLE));
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  symlinkSync(stateDir, join(folder, TO_STATE));
  return join(folder, "bundle");
}

/** Removes a state folder that nobody finds by an id any more, after what lies elsewhere and belongs to it: an unpacked bundle, the folder of a VM from a pool. */
export function removeStateFolder(stateDir: string): void {
  const folder = linkTarget(join(stateDir, TO_BUNDLE));
  if (folder !== undefined && isBundleFolder(folder)) removeTree(folder);
  const home = takenHome(stateDir);
  if (home !== undefined) removeWhole(home);
  removeWhole(stateDir);
}

/** Folders of bundles whose state folder is gone, and whose maker has ended. */
export function strayImageBundles(): string[] {
  return folders().filter((folder) => {
    if (isOwnerAlive(NAME.exec(basename(folder)))) return false;
    const stateDir = linkTarget(join(folder, TO_STATE));
    return stateDir === undefined || linkTarget(join(stateDir, TO_BUNDLE)) !== folder;
  });
}

function folders(): string[] {
  try {
    return readdirSync(BUNDLES)
      .filter((name) => NAME.test(name))
      .map((name) => join(BUNDLES, name));
  } catch {
    return [];
  }
}

function isBundleFolder(path: string): boolean {
  return dirname(path) === BUNDLES && NAME.test(basename(path));
}

function linkTarget(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
