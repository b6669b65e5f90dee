import { existsSync } from "node:fs";
import { dirname } from "node:path";

/** The path itself, or the nearest folder above it that is there. @param path absolute */
export function nearestExisting(path: string): string {
  return existsSync(path) ? path : nearestExisting(dirname(path));
}
