import { printable } from "./printable.ts";
import { closeSync, fstatSync, openSync, readSync } from "node:fs";

/** The last `maxBytes` of a log as text, "" if it cannot be read: the tail shown in errors. Guests write into logs: it is harmless on a terminal. */
export function tailOfFile(path: string, maxBytes = 2048): string {
  try {
    const fd = openSync(path, "r");
    try {
      const { size } = fstatSync(fd);
      const buffer = Buffer.alloc(Math.min(size, maxBytes));
      const read = readSync(fd, buffer, 0, buffer.length, Math.max(0, size - maxBytes));
      return printable(buffer.toString("utf8", 0, read).replaceAll("\r\n", "\n").trim());
    } finally {
      closeSync(fd);
    }
  } catch {
    return "";
  }
}
