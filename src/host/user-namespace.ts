import { readFileSync } from "node:fs";
import { userInfo } from "node:os";
import { findProgram } from "./programs.ts";

/** Ids in a user namespace, the same outside, and how many: a line of /proc/PID/uid_map (user_namespaces(7)). */
export interface IdRange {
  inside: number;
  outside: number;
  count: number;
}

/** A user namespace that nk-shadow makes for who is not root. */
export interface OwnNamespace {
  users: IdRange[];
  groups: IdRange[];
  /** Why it has no user but ours; undefined: it has more. */
  lack?: string;
}

/** Of the host, or of the user namespace that we are in. */
export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/**
 * Whether all we have is what an ordinary user of the host has: because we are one, or root of such a one's namespace, as podman calls us. By runc's rule
 * `$USER` and `$XDG_RUNTIME_DIR` tell that from a container with a root, a /run and a systemd of its own.
 */
export function isOrdinaryUser(users = ourUsers()): boolean {
  const { USER: name, XDG_RUNTIME_DIR: folder } = process.env;
  return !isRoot() || (!isOfHost(users) && name !== "root" && Boolean(folder));
}

/** The users that there are for what nk-shadow starts: ours if we are root, else those of the namespace that it will make. */
export function usersThere(): IdRange[] {
  return isRoot() ? ourUsers() : planNamespace().users;
}

function ourUsers(): IdRange[] {
  return rangesIn(readFileSync("/proc/self/uid_map", "utf8"));
}

/** Whether a namespace has every user of the host. */
export function isOfHost(users: readonly IdRange[]): boolean {
  return users.some(({ inside, count }) => inside === 0 && count === 0xffffffff);
}

/** @param text of a uid_map */
export function rangesIn(text: string): IdRange[] {
  return text
    .trim()
    .split("\n")
    .map((range) => {
      const [inside = 0, outside = 0, count = 0] = range.trim().split(/\s+/).map(Number);
      return { inside, outside, count };
    });
}

/** As podman makes it: ourselves are root, and the ranges of /etc/subuid and /etc/subgid come after. */
export function planNamespace(): OwnNamespace {
  const { uid, gid, username } = userInfo();
  const owner = { uid, username };
  const users = subordinate(readIfAllowed("/etc/subuid"), owner);
  const groups = subordinate(readIfAllowed("/etc/subgid"), owner);
  const lack = whyAlone(users, groups);
  if (lack !== undefined) return { users: after(uid, []), groups: after(gid, []), lack };
  return { users: after(uid, users), groups: after(gid, groups) };
}

function whyAlone(users: readonly IdRange[], groups: readonly IdRange[]): string | undefined {
  if (users.length === 0) return "/etc/subuid names no range of this user";
  if (groups.length === 0) return "/etc/subgid names no range of this user";
  const missing = ["newuidmap", "newgidmap"].find((name) => !findProgram(name, process.env["PATH"] ?? ""));
  return missing && `${missing} is not installed (package uidmap)`;
}

/** @param text of subuid(5) or subgid(5) @returns with places one after the other, from 1 on */
export function subordinate(text: string, { uid, username }: { uid: number; username: string }): IdRange[] {
  const ranges: IdRange[] = [];
  let inside = 1;
  for (const line of text.split("\n")) {
    const [name, first, number] = line.split(":");
    const [outside, count] = [Number(first), Number(number)];
    if ((name !== username && name !== String(uid)) || !(outside > 0) || !(count > 0)) continue;
    ranges.push({ inside, outside, count });
    inside += count;
  }
  return ranges;
}

function after(id: number, ranges: IdRange[]): IdRange[] {
  return [{ inside: 0, outside: id, count: 1 }, ...ranges];
}

function readIfAllowed(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** What nk-shadow must know to make it (native/common/userns.h). None: it maps this user alone. */
export function namespaceEnvironment({ users, groups, lack }: OwnNamespace): Record<string, string> {
  if (lack !== undefined) return {};
  const words = (ranges: readonly IdRange[]): string =>
    ranges.map(({ inside, outside, count }) => `${inside} ${outside} ${count}`).join(" ");
  return { NK_UID_MAP: words(users), NK_GID_MAP: words(groups) };
}
