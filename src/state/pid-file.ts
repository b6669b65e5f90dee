import { writeFileAtomic } from "./atomic-write.ts";

/** A pid file as runc writes it: decimal, no newline, complete as soon as it can be seen. */
export function writePidFile(path: string, pid: number): void {
  writeFileAtomic(path, String(pid), 0o644);
}
