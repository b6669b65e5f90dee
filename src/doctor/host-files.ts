import { readFileSync } from "node:fs";

/** A file of /proc, /sys or /etc; "" when it is not there. */
export function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
