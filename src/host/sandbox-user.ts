import { readFileSync } from "node:fs";

/**
 * This number and the pid of a VM's monitor are the user (and group) of what runs for that VM, so that no two VMs that run have one user. Between the
 * ranges of containers and the end of what tools with signed numbers know (systemd, UIDS-GIDS.md).
 */
const FIRST_UID = 2_000_000_000;

/** "nobody". In a user namespace of few users (an unprivileged container) all VMs share it: better than root. */
const NOBODY = 65_534;

/** The user of what this process starts for its VM. */
export function sandboxUser(): number {
  return userIn(readFileSync("/proc/self/uid_map", "utf8"), process.pid);
}

/** @param map the users that there are, as /proc/PID/uid_map has them: first, first outside, how many (user_namespaces(7)) */
export function userIn(map: string, pid: number): number {
  const user = FIRST_UID + pid;
  const ranges = map.trim().split("\n");
  const isThere = ranges.some((range) => {
    const [first = 0, , count = 0] = range.trim().split(/\s+/).map(Number);
    return user >= first && user < first + count;
  });
  return isThere ? user : NOBODY;
}
