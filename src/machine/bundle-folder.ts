import { existsSync, realpathSync, statSync } from "node:fs";
import { isAbsolute, join, relative } from "node:path";
import { NkError } from "../base/errors.ts";
import { isObject } from "../base/json.ts";
import { MS } from "../host/mount-flags.ts";
import type { ShadowPlan } from "../host/shadow-plan.ts";
import { CONFIG_FILE, readConfigFile } from "../oci/config-file.ts";

/** The folder of the VM's tree that has the bundle of `vm-create --bundle`. */
export const BUNDLE_FOLDER = "bundle";

/**
 * What the guest may write to of the folder of `vm-create --bundle`: the root file system that its config.json names, as a path in the folder;
 * undefined: nothing. Never config.json: whoever writes it chooses what the host runs as root (hooks) and mounts.
 * @throws BAD_CONFIG when it is no folder, or its config.json no JSON
 */
export function writableRoot(folder: string): string | undefined {
  checkFolder(folder);
  if (!existsSync(join(folder, CONFIG_FILE))) return undefined;
  const { root } = readConfigFile(folder);
  if (!isObject(root) || typeof root["path"] !== "string" || root["readonly"] === true) return undefined;
  const path = join(folder, root["path"]);
  if (isAbsolute(root["path"]) || !existsSync(path)) return undefined;
  // Behind a link it may be anywhere, and config.json itself may be in it.
  const inside = relative(realpathSync(folder), realpathSync(path));
  const isPlain = inside !== "" && !inside.startsWith("..") && inside === relative(folder, path);
  return isPlain ? inside : undefined;
}

/** The mounts that give the guest the folder, read-only but for its root file system. */
export function bundleBinds(folder: string, root: string | undefined): ShadowPlan["binds"] {
  const destination = `/${BUNDLE_FOLDER}`;
  const all = { source: folder, destination, flags: MS.BIND | MS.REC | MS.RDONLY };
  if (root === undefined) return [all];
  const part = { source: join(folder, root), destination: join(destination, root), flags: MS.BIND | MS.REC };
  return [all, part];
}

function checkFolder(path: string): void {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat?.isDirectory() === true) return;
  const found = stat === undefined ? "nothing there" : "something else";
  throw new NkError("BAD_CONFIG", `--bundle ${path}: expected a folder, found ${found}`);
}
