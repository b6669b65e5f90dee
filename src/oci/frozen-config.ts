import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { NkError } from "../base/errors.ts";
import { reasonOf } from "../base/system-error.ts";
import type { Bundle } from "./bundle.ts";
import { CONFIG_FILE } from "./config-file.ts";
import { parseOciJson } from "./oci-json.ts";

/**
 * config.json as `create` checked it, in the container's state folder. All that comes later (hooks, exec) reads this copy: the bundle may have
 * changed or gone, and a guest may be able to write to it (runtime-spec runtime.md#lifecycle: later changes have no effect).
 * @throws HOST, when the disk is full, say
 */
export function freezeConfig(stateDir: string, { text }: Bundle): void {
  const path = join(stateDir, CONFIG_FILE);
  try {
    writeFileSync(path, text, { mode: 0o600, flag: "wx" });
  } catch (cause) {
    throw new NkError("HOST", `cannot write ${path}: ${reasonOf(cause)}`, { cause });
  }
}

/** The frozen config.json, parsed. @throws DAMAGED when it cannot be read */
export function frozenConfig(stateDir: string): Record<string, unknown> {
  const path = join(stateDir, CONFIG_FILE);
  try {
    return parseOciJson(readFileSync(path, "utf8"), path);
  } catch (cause) {
    throw new NkError("DAMAGED", `cannot read ${path}, config.json as it was at create: ${reasonOf(cause)}`, {
      cause,
    });
  }
}
