import { readFileSync, statSync } from "node:fs";
import type { UserOfMonitor } from "./confinement.ts";
import { isOfHost, usersThere, type IdRange } from "./user-namespace.ts";

/**
 * This number and the pid of a VM's monitor are the user (and group) of what runs for that VM, so that no two VMs that run have one user. Between the
 * ranges of containers and the end of what tools with signed numbers know (systemd, UIDS-GIDS.md).
 */
const FIRST_UID = 2_000_000_000;

/** "nobody". In a user namespace of few users (an unprivileged container) all VMs share it: better than root. */
const NOBODY = 65_534;

/** Root of a user namespace, without capabilities: the user who has made it. */
const OWNER = 0;

/** A device for everybody has both bits (inode(7)). */
const ALL_READ_WRITE = 0o006;

/** The user of what this process starts for its VM. @param devices of the host that it needs */
export function sandboxUser(devices: readonly string[] = []): number {
  return userIn(usersThere(), process.pid, devices);
}

/** The same, before the monitor is there whose pid is part of it. */
export function sandboxUserBeforehand(devices: readonly string[]): number | UserOfMonitor {
  return userBeforehandIn(usersThere(), Number(readFileSync("/proc/sys/kernel/pid_max", "utf8")), devices);
}

/** @param maxPid of the host: there must be a user for each pid */
export function userBeforehandIn(
  users: readonly IdRange[],
  maxPid: number,
  devices: readonly string[] = [],
): number | UserOfMonitor {
  const isThere = users.some(
    ({ inside, count }) => inside <= FIRST_UID && FIRST_UID + maxPid < inside + count,
  );
  return isThere ? { from: FIRST_UID } : userOfFew(users, devices);
}

/** @param users that there are */
export function userIn(users: readonly IdRange[], pid: number, devices: readonly string[] = []): number {
  const user = FIRST_UID + pid;
  return has(users, user) ? user : userOfFew(users, devices);
}

/**
 * In a namespace that lacks even that user it is the owner; and where a device is for the owner's groups, or by a list of users: no node of a device can be made
 * there that belongs to another.
 */
function userOfFew(users: readonly IdRange[], devices: readonly string[]): number {
  if (!has(users, NOBODY)) return OWNER;
  return !isOfHost(users) && devices.some(isOfSomebody) ? OWNER : NOBODY;
}

function has(users: readonly IdRange[], user: number): boolean {
  return users.some(({ inside, count }) => user >= inside && user < inside + count);
}

function isOfSomebody(device: string): boolean {
  const mode = statSync(device, { throwIfNoEntry: false })?.mode ?? ALL_READ_WRITE;
  return (mode & ALL_READ_WRITE) !== ALL_READ_WRITE;
}
