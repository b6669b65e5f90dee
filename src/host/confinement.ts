import { dirname } from "node:path";
import { shadowPath } from "./paths.ts";

/**
 * A root of its own for a program (`nk-shadow confine`, native/README.md): it sees its program and what is named here, at the same paths as on the host
 * where nothing else is said. It has its own pid, mount, net, ipc, uts and cgroup namespaces, an empty environment, no capability but those for
 * what it serves, and may not make all system calls.
 */
export interface Confinement {
  /** As `librariesOf`. */
  libraries: readonly string[];
  /** Read-only. */
  files?: readonly string[];
  devices?: readonly string[];
  binds?: readonly ConfinedFile[];
  /** A shadow's tree, as /tree, and the capabilities to act for the owners of its files. */
  shadowPid?: TreeOwner;
  /** Who runs the program, without any capability: for one that serves no tree. Its devices become that user's. */
  user?: number | UserOfMonitor;
  /** The program filters its system calls further, and drops capabilities, itself. */
  locksItself?: boolean;
  /** For people with debuggers: it stays root with all capabilities, and no system call is filtered. */
  isUnlocked?: boolean;
  /** Open at once, at most. */
  maxFiles?: number;
  sockets?: readonly ConfinedSocket[];
  tap?: ConfinedTap | undefined;
  /** It is in the host's network namespace, and may open sockets of TCP, UDP and ICMP there. */
  hasHostNetwork?: boolean;
}

/** The shadow that has a tree. `holder`: that of the sandbox, whose pid is not known when the command line is made. */
export type TreeOwner = number | "holder";

/** The user of a VM whose monitor, and so whose pid, is not there yet: this number and that pid. */
export interface UserOfMonitor {
  from: number;
}

/** A file of the host under another name. */
export interface ConfinedFile {
  /** May be a magic link of ours, such as /proc/PID/fd/N. */
  source: string;
  name: string;
  readOnly: boolean;
}

/** A tap in the program's network namespace, of the name `TAP_NAME`: descriptors from `fd` on, and as many of /dev/vhost-net after them. */
export interface ConfinedTap {
  fd: number;
  queues: number;
  isVhost: boolean;
}

/** Of a confined program's tap in its network namespace (native/confine/tap.h). */
export const TAP_NAME = "nktap";

/** A Unix socket of the host, which the program gets as descriptor `fd`. */
export interface ConfinedSocket {
  kind: "listen" | "connect";
  fd: number;
  path: string;
}

/** Descriptors of a program that the launcher of a sandbox starts (native/shadow/daemons.h). */
export interface LauncherFds {
  /** For its end, which others than its parent must know. */
  status: number;
  /** By which it is told that the holder's tree is there. */
  tree: number;
}

/** What comes before the program's own command line. `kept`: descriptors that it has already. */
export function confined(
  confinement: Confinement,
  kept: readonly number[],
  launcher?: LauncherFds,
): [string, ...string[]] {
  const { libraries, files = [], devices = [], binds = [], sockets = [] } = confinement;
  const { shadowPid, user, locksItself = false, isUnlocked = false, maxFiles, tap } = confinement;
  const { hasHostNetwork = false } = confinement;
  return [
    shadowPath(),
    "confine",
    ...(shadowPid === undefined ? [] : ["--tree", String(shadowPid)]),
    ...(user === undefined || isUnlocked ? [] : userWords(user)),
    ...(locksItself ? ["--locks-itself"] : []),
    ...(isUnlocked ? ["--unlocked"] : []),
    ...(maxFiles === undefined ? [] : ["--files", String(maxFiles)]),
    ...libraryPath(libraries),
    ...[...libraries, ...files].flatMap((path) => ["--file", path]),
    ...devices.flatMap((path) => ["--device", path]),
    ...binds.flatMap(({ source, name, readOnly }) => ["--bind", source, name, readOnly ? "ro" : "rw"]),
    ...kept.flatMap((fd) => ["--keep", String(fd)]),
    ...sockets.flatMap(({ kind, fd, path }) => [`--${kind}`, String(fd), path]),
    ...(tap ? ["--tap", String(tap.fd), String(tap.queues), ...(tap.isVhost ? ["vhost"] : [])] : []),
    ...(hasHostNetwork ? ["--host-network"] : []),
    ...(launcher ? launcherWords(launcher, shadowPid) : []),
    "--",
  ];
}

function userWords(user: number | UserOfMonitor): string[] {
  return typeof user === "number" ? ["--user", String(user)] : ["--user-from", String(user.from)];
}

/** The loader's cache of libraries (/etc/ld.so.cache) is not there. */
function libraryPath(libraries: readonly string[]): string[] {
  const folders = [...new Set(libraries.map((path) => dirname(path)))];
  return folders.length === 0 ? [] : ["--env", `LD_LIBRARY_PATH=${folders.join(":")}`];
}

function launcherWords({ status, tree }: LauncherFds, shadowPid: TreeOwner | undefined): string[] {
  const awaited = shadowPid === undefined ? [] : ["--await-tree", String(tree)];
  return ["--status", String(status), ...awaited];
}
