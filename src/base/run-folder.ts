import { readFileSync } from "node:fs";
import { join } from "node:path";

const OF_ROOT = "/run/nano-sandbox";

/**
 * Where state and what was found out are kept until the next boot. For who is not root of the host it is below `$XDG_RUNTIME_DIR`, by runc's rule: in a user
 * namespace only with another `$USER` than root, because a container may have a root who has its own /run.
 * @param map of the users that there are, as /proc/self/uid_map has it
 */
export function runFolder(map?: string): string {
  const own = process.env["XDG_RUNTIME_DIR"] ?? "";
  return own.startsWith("/") && isSomebodys(map) ? join(own, "nano-sandbox") : OF_ROOT;
}

function isSomebodys(map?: string): boolean {
  return process.getuid?.() !== 0 || (isInUserNamespace(map) && process.env["USER"] !== "root");
}

/** Whether root here is somebody else outside. */
export function isInUserNamespace(map = readFileSync("/proc/self/uid_map", "utf8")): boolean {
  return !/^\s*0\s+0\s+4294967295\s*$/.test(map);
}
