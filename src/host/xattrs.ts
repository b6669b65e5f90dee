import { spawnSync } from "node:child_process";
import { shadowPath } from "./paths.ts";

const TIMEOUT_MS = 5000;

/** The first of `paths` whose file system keeps no extended attributes; undefined when all do, as far as one can tell. */
export function withoutXattrs(paths: readonly string[]): string | undefined {
  const options = { encoding: "utf8", timeout: TIMEOUT_MS } as const;
  const { status, stdout } = spawnSync(shadowPath(), ["xattrs", ...paths], options);
  return status === 1 ? stdout.replace(/\n$/, "") : undefined;
}
