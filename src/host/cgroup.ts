import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { NkError } from "../base/errors.ts";
import { reasonOf } from "../base/system-error.ts";
import { mountTable, type MountedAt } from "./mount-table.ts";
import { expandSlice } from "./systemd-names.ts";

/** One mounted cgroup hierarchy: v2's only one, or one of v1's. */
export interface Hierarchy {
  mountPoint: string;
  version: 1 | 2;
  /** Of version 1. Those of version 2 are in its `cgroup.controllers`. */
  controllers: string[];
}

/** The folders of one container. */
export interface CgroupFolders {
  /** Made for it, and removed with it. */
  made: string[];
  /** That were there before: they belong to somebody else. */
  joined: string[];
}

/** The hierarchies of this host. Pure v2 has one, v1 has several, hybrid has v1's and a v2 without controllers. */
export function listHierarchies(mounts: readonly MountedAt[] = mountTable()): Hierarchy[] {
  const found: Hierarchy[] = [];
  for (const { type, path, superOptions } of mounts) {
    if (type !== "cgroup" && type !== "cgroup2") continue;
    if (found.some(({ mountPoint }) => mountPoint === path)) continue;
    const controllers = type === "cgroup" ? superOptions.filter((option) => !/^(rw|ro)$/.test(option)) : [];
    found.push({ mountPoint: path, version: type === "cgroup" ? 1 : 2, controllers });
  }
  return found;
}

/**
 * The path of config.json's cgroupsPath below each hierarchy. systemd's form `slice:prefix:name` becomes the folders that systemd would make.
 */
export function cgroupFolder(cgroupsPath: string | undefined, id: string): string {
  if (cgroupsPath === undefined || cgroupsPath === "") return `/nano-sandbox/${id}`;
  const parts = cgroupsPath.split(":");
  if (parts.length !== 3) return join("/", cgroupsPath);
  const [slice = "", prefix = "", name = ""] = parts;
  return join("/", ...expandSlice(slice), prefix === "" ? `${name}.scope` : `${prefix}-${name}.scope`);
}

/**
 * What `makeCgroup` will make and what is there, for the journal: written down before anything is made. Hierarchies that refuse (read-only,
 * delegated to others) are left out.
 * @throws BAD_STATE, in runc's words, when processes are in one of them: they would share the container's limits and its end; and when one is
 * frozen: nothing would run there
 */
export function planCgroup(folder: string, hierarchies = listHierarchies()): CgroupFolders {
  const found = findCgroup(folder, hierarchies);
  for (const path of found.joined) {
    const count = membersOf(path).length;
    if (count > 0) throw notEmpty(path, count);
    if (isFrozen(path)) throw frozen(path);
  }
  return found;
}

/** The same of folders that processes may share. */
export function findCgroup(folder: string, hierarchies = listHierarchies()): CgroupFolders {
  const paths = hierarchies.map(({ mountPoint }) => join(mountPoint, folder)).filter(isUsable);
  const joined = paths.filter((path) => existsSync(path));
  return { made: paths.filter((path) => !joined.includes(path)), joined };
}

function notEmpty(path: string, count: number): NkError {
  const problem = `container's cgroup is not empty: ${count} process(es) found`;
  return new NkError(
    "BAD_STATE",
    `${problem} in ${path}: correct linux.cgroupsPath in config.json, or end them`,
  );
}

/** By the file of version 1, or of version 2. */
function isFrozen(path: string): boolean {
  const is = (file: string, value: string): boolean =>
    existsSync(join(path, file)) && readFileSync(join(path, file), "utf8").trim() === value;
  return is("freezer.state", "FROZEN") || is("cgroup.freeze", "1");
}

function frozen(path: string): NkError {
  return new NkError(
    "BAD_STATE",
    `container's cgroup unexpectedly frozen: ${path}: thaw it, or correct linux.cgroupsPath in config.json`,
  );
}

/** Whether a process of ours can be put there, or into a folder that is made there. */
function isUsable(path: string): boolean {
  const there = nearestFolder(path);
  try {
    accessSync(there === path ? join(path, "cgroup.procs") : there, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function nearestFolder(path: string): string {
  return existsSync(path) || path === "/" ? path : nearestFolder(dirname(path));
}

/** The processes of a cgroup and of those below it. */
export function membersOf(path: string): number[] {
  try {
    const own = readFileSync(join(path, "cgroup.procs"), "utf8").split("\n").filter(Boolean).map(Number);
    const folders = readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    return [...own, ...folders.flatMap(({ name }) => membersOf(join(path, name)))];
  } catch {
    return []; // it has just been removed
  }
}

/**
 * Makes the container's folders.
 * @throws BAD_CONFIG for a path that no hierarchy can have.
 * @returns the cgroup.procs files, into which a process writes its pid to join
 */
export function makeCgroup({ made, joined }: CgroupFolders, hierarchies = listHierarchies()): string[] {
  for (const path of made) makeFolder(path);
  const all = [...made, ...joined].filter((path) => existsSync(path));
  for (const { mountPoint, controllers } of hierarchies) {
    const path = all.find((folder) => folder.startsWith(`${mountPoint}/`));
    if (path !== undefined && controllers.includes("cpuset"))
      inheritCpuset(mountPoint, path.slice(mountPoint.length));
  }
  return procsFiles({ made, joined });
}

/** Of those that are there. */
export function procsFiles({ made, joined }: CgroupFolders): string[] {
  return [...made, ...joined].map((path) => join(path, "cgroup.procs")).filter((path) => existsSync(path));
}

/** A hierarchy that is read-only or somebody else's, though it did not look so. */
const REFUSALS = ["EROFS", "EACCES", "EPERM", "EBUSY", "EOPNOTSUPP"];

function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (error) {
    if (!REFUSALS.includes((error as NodeJS.ErrnoException).code ?? "")) throw noCgroup(path, error);
  }
}

function noCgroup(path: string, cause: unknown): NkError {
  const problem = `cannot make the cgroup ${path}: ${reasonOf(cause)}`;
  return new NkError("BAD_CONFIG", `${problem}: correct linux.cgroupsPath in config.json`, { cause });
}

/** A new v1 cpuset has no CPUs and takes no process until it is given some (kernel: admin-guide/cgroup-v1/cpusets.rst). */
function inheritCpuset(mountPoint: string, folder: string): void {
  let path = mountPoint;
  for (const part of folder.split("/").filter(Boolean)) {
    const parent = path;
    path = join(path, part);
    for (const file of ["cpuset.cpus", "cpuset.mems"]) {
      if (readFileSync(join(path, file), "utf8").trim() === "") {
        writeFileSync(join(path, file), readFileSync(join(parent, file), "utf8"));
      }
    }
  }
}
