import { killProcess } from "./process-info.ts";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { NkError } from "../base/errors.ts";
import { reasonOf } from "../base/system-error.ts";

/** One mounted cgroup hierarchy: v2's only one, or one of v1's. */
export interface Hierarchy {
  mountPoint: string;
  controllers: string[];
}

/** The hierarchies of this host, from /proc/self/mountinfo (proc(5)). Pure v2 has one, v1 has several, hybrid has v1's and a v2 without controllers. */
export function listHierarchies(mountinfo = readFileSync("/proc/self/mountinfo", "utf8")): Hierarchy[] {
  const found: Hierarchy[] = [];
  for (const line of mountinfo.split("\n")) {
    const [before = "", after = ""] = line.split(" - ");
    const [type, , options = ""] = after.split(" ");
    const mountPoint = before.split(" ")[4];
    if (mountPoint === undefined || (type !== "cgroup" && type !== "cgroup2")) continue;
    if (found.some((other) => other.mountPoint === mountPoint)) continue;
    const controllers =
      type === "cgroup" ? options.split(",").filter((option) => !/^(rw|ro)$/.test(option)) : [];
    found.push({ mountPoint, controllers });
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

/** `a-b.slice` lives in `a.slice/a-b.slice` (systemd.slice(5)). */
function expandSlice(slice: string): string[] {
  if (slice === "" || slice === "-.slice") return [];
  const names = slice.replace(/\.slice$/, "").split("-");
  return names.map((_, index) => `${names.slice(0, index + 1).join("-")}.slice`);
}

/**
 * The folders that `makeCgroup` will make, for the journal: written down before anything is made. A folder that is there already
 * belongs to somebody else, who also removes it.
 */
export function cgroupsToMake(folder: string, hierarchies = listHierarchies()): string[] {
  return hierarchies.map(({ mountPoint }) => join(mountPoint, folder)).filter((path) => !existsSync(path));
}

/** A hierarchy that is read-only or somebody else's. */
const REFUSALS = ["EROFS", "EACCES", "EPERM", "EBUSY", "EOPNOTSUPP"];

function noCgroup(path: string, cause: unknown): NkError {
  const problem = `cannot make the cgroup ${path}: ${reasonOf(cause)}`;
  return new NkError("BAD_CONFIG", `${problem}: correct linux.cgroupsPath in config.json`, { cause });
}

/**
 * Makes the container's folder in every hierarchy. Hierarchies that refuse (read-only, delegated to others) are left out.
 * @throws BAD_CONFIG for a path that no hierarchy can have.
 * @returns the cgroup.procs files, into which a process writes its pid to join
 */
export function makeCgroup(folder: string, hierarchies = listHierarchies()): string[] {
  const procsFiles: string[] = [];
  for (const { mountPoint, controllers } of hierarchies) {
    const path = join(mountPoint, folder);
    try {
      mkdirSync(path, { recursive: true });
    } catch (error) {
      if (!REFUSALS.includes((error as NodeJS.ErrnoException).code ?? "")) throw noCgroup(path, error);
      continue;
    }
    if (controllers.includes("cpuset")) inheritCpuset(mountPoint, folder);
    procsFiles.push(join(path, "cgroup.procs"));
  }
  return procsFiles;
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

/** How often and how long a folder is tried again whose last process is just going: v1 has no event for it. */
const REMOVE_TRIES = 100;
const REMOVE_WAIT_MS = 20;

/**
 * Removes folders, with what was made below them, and the empty `/nano-sandbox` parent. Processes that are still inside are killed first.
 * @throws HOST when one stays busy for two seconds.
 */
export async function removeCgroups(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    for (let tries = 0; !removeTree(path); tries += 1) {
      if (tries === REMOVE_TRIES) {
        throw new NkError("HOST", `cgroup ${path} is still busy`, { see: `${path}/cgroup.procs` });
      }
      killMembers(path);
      await new Promise((resolve) => {
        setTimeout(resolve, REMOVE_WAIT_MS);
      });
    }
    if (dirname(path).endsWith("/nano-sandbox")) tryRemove(dirname(path));
  }
}

function removeTree(path: string): boolean {
  try {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      if (entry.isDirectory()) removeTree(join(path, entry.name));
    }
  } catch {
    return true;
  }
  return tryRemove(path);
}

function tryRemove(path: string): boolean {
  try {
    rmdirSync(path);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT";
  }
}

function killMembers(path: string): void {
  let pids = "";
  try {
    pids = readFileSync(join(path, "cgroup.procs"), "utf8");
  } catch {
    return;
  }
  for (const pid of pids.split("\n").filter(Boolean)) {
    killProcess(Number(pid));
  }
}
