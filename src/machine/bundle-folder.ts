import { existsSync, realpathSync, statSync } from "node:fs";
import { isAbsolute, join, relative } from "node:path";
import { NkError } from "../base/errors.ts";
import { isObject } from "../base/json.ts";
import { MS } from "../host/mount-flags.ts";
import type { ShadowPlan } from "../host/shadow-plan.ts";
import { CONFIG_FILE, readConfigFile } from "../oci/config-file.ts";

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

/** What the guest gets of the folder: all of it, read-only, and its root file system once more. The monitor puts them together there. */
export function bundleVolumes(folder: string, root: string | undefined): ShadowPlan["mounts"] {
  const flags = MS.BIND | MS.REC;
  const all = { kind: "volume", source: folder, flags: flags | MS.RDONLY } as const;
  return root === undefined ? [all] : [all, { kind: "inner", source: folder, name: root, flags }];
}

function checkFolder(path: string): void {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat?.isDirectory() === true) return;
  const found = stat === undefined ? "nothing there" : "something else";
  throw new NkError("BAD_CONFIG", `--bundle ${path}: expected a folder, found ${found}`);
}
