import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/** Replaces `path` as a whole: a reader, or a crash, sees the old or the new content and nothing between. */
export function writeFileAtomic(path: string, content: string, mode = 0o600): void {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}`);
  // Left behind by an earlier process of this pid that was killed while it wrote.
  rmSync(temporary, { force: true });
  const fd = openSync(temporary, "wx", mode);
  try {
    const bytes = Buffer.from(content);
    for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(temporary, path);
}
