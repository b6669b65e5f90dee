import { homedir } from "node:os";
import { join } from "node:path";
import { isOrdinaryUser } from "./user-namespace.ts";

const OF_ROOT = "/run/nano-sandbox";
const DATA_OF_ROOT = "/var/lib/nano-sandbox";

/** Where state and what was found out are kept until the next boot. For an ordinary user it is below `$XDG_RUNTIME_DIR`. */
export function runFolder(): string {
  const own = process.env["XDG_RUNTIME_DIR"] ?? "";
  return own.startsWith("/") && isOrdinaryUser() ? join(own, "nano-sandbox") : OF_ROOT;
}

/** Where larger things are kept, on disk. For an ordinary user it is below `$XDG_DATA_HOME`, which is `~/.local/share` if it is not set. */
export function dataFolder(): string {
  if (!isOrdinaryUser()) return DATA_OF_ROOT;
  const own = process.env["XDG_DATA_HOME"] ?? "";
  return join(own.startsWith("/") ? own : join(homedir(), ".local/share"), "nano-sandbox");
}
