import { closeSync, fstatSync, openSync, readSync } from "node:fs";

/** The last `maxBytes` of a file as text, "" if it cannot be read: the tail shown in errors. */
export function tailOfFile(path: string, maxBytes = 2048): string {
  try {
    const fd = openSync(path, "r");
    try {
      const { size } = fstatSync(fd);
      const buffer = Buffer.alloc(Math.min(size, maxBytes));
      const read = readSync(fd, buffer, 0, buffer.length, Math.max(0, size - maxBytes));
      return buffer.toString("utf8", 0, read).trim();
    } finally {
      closeSync(fd);
    }
  } catch {
    return "";
  }
}
