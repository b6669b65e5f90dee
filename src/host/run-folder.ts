import { join } from "node:path";
import { isOrdinaryUser } from "./user-namespace.ts";

const OF_ROOT = "/run/nano-sandbox";

/** Where state and what was found out are kept until the next boot. For an ordinary user it is below `$XDG_RUNTIME_DIR`. */
export function runFolder(): string {
  const own = process.env["XDG_RUNTIME_DIR"] ?? "";
  return own.startsWith("/") && isOrdinaryUser() ? join(own, "nano-sandbox") : OF_ROOT;
}
