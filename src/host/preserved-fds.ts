import { readlinkSync } from "node:fs";
import { NkError } from "../base/errors.ts";

const FIRST = 3;

/**
 * Makes sure that `count` descriptors from 3 on were open when we were started. Node has some of its own by now, at the lowest numbers
 * that were free, and the first of them is an epoll instance: one in this range shows that there was a gap.
 * @throws USAGE in runc's words
 */
export function checkPreservedFds(count: number): void {
  for (let fd = FIRST; fd < FIRST + count; fd += 1) {
    const target = targetOf(fd);
    if (target !== undefined && target !== "anon_inode:[eventpoll]") continue;
    throw new NkError(
      "USAGE",
      `unable to stat preserved-fd ${fd - FIRST} (of ${count}): descriptor ${fd} is not open: correct --preserve-fds, or open it`,
    );
  }
}

function targetOf(fd: number): string | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return undefined;
  }
}
