import { readFileSync } from "node:fs";
import type { UserOfMonitor } from "./confinement.ts";

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

/** The same, before the monitor is there whose pid is part of it. */
export function sandboxUserBeforehand(): number | UserOfMonitor {
  const map = readFileSync("/proc/self/uid_map", "utf8");
  return userBeforehandIn(map, Number(readFileSync("/proc/sys/kernel/pid_max", "utf8")));
}

/** @param maxPid of the host: there must be a user for each pid */
export function userBeforehandIn(map: string, maxPid: number): number | UserOfMonitor {
  const isThere = rangesIn(map).some(({ first, end }) => first <= FIRST_UID && FIRST_UID + maxPid < end);
  return isThere ? { from: FIRST_UID } : NOBODY;
}

/** @param map the users that there are, as /proc/PID/uid_map has them: first, first outside, how many (user_namespaces(7)) */
export function userIn(map: string, pid: number): number {
  const user = FIRST_UID + pid;
  return rangesIn(map).some(({ first, end }) => user >= first && user < end) ? user : NOBODY;
}

function rangesIn(map: string): { first: number; end: number }[] {
  return map
    .trim()
    .split("\n")
    .map((range) => {
      const [first = 0, , count = 0] = range.trim().split(/\s+/).map(Number);
      return { first, end: first + count };
    });
}
