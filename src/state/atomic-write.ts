import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { NkError } from "../base/errors.ts";
import { reasonOf } from "../base/system-error.ts";

/** Replaces `path` as a whole: a reader, or a crash, sees the old or the new content and nothing between. @throws HOST, with nothing changed */
export function writeFileAtomic(path: string, content: string, mode = 0o600): void {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}`);
  // Left behind by an earlier process of this pid that was killed while it wrote.
  rmSync(temporary, { force: true });
  try {
    writeWhole(temporary, Buffer.from(content), mode);
    renameSync(temporary, path);
  } catch (error) {
    // On a full disk half a file would take the room that is needed most.
    rmSync(temporary, { force: true });
    throw new NkError("HOST", `cannot write ${path}: ${reasonOf(error)}`, { cause: error });
  }
}

function writeWhole(path: string, bytes: Buffer, mode: number): void {
  const fd = openSync(path, "wx", mode);
  try {
    for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
