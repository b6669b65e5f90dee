import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { laterProcesses } from "./processes.ts";

/** Environment variable by which everything that a test's runtime starts is known: all of it inherits it. */
export const MARK = "NK_TEST_ROOT";

/** What may be left of the containers of one state folder: other people's are not looked at. */
export interface Traces {
  /** The state folder (`--root`). */
  root: string;
  /** The folders of its bundles. */
  bundles: readonly string[];
  /** What the ids of its containers begin with: their default cgroups have their names. */
  idPrefix: string;
}

/** Processes, mounts, cgroups and lock files that are left. */
export function residue(traces: Traces): string[] {
  const { root, bundles, idPrefix } = traces;
  return [
    ...processes(root),
    ...jailedServers(traces).map((pid) => `process ${pid}: a share's server or a VMM in its jail`),
    ...mounts([root, ...bundles]),
    ...cgroups(`*nano-sandbox/${idPrefix}*`),
    ...lockFiles(root),
    ...(existsSync(root) ? readdirSync(root).filter((name) => !name.startsWith(".")) : []),
  ];
}

/** @param root the mark that they have inherited, or a folder that their command lines name */
export function processes(root: string): string[] {
  return laterProcesses().flatMap(({ pid }) => {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
      const ours =
        command.includes(root) || readFileSync(`/proc/${pid}/environ`, "utf8").includes(`${MARK}=${root}`);
      return ours ? [`process ${pid}: ${command.slice(0, 120)}`] : [];
    } catch {
      return []; // it has just ended
    }
  });
}

/** Servers of trees of ours, and VMMs. They have no environment to be known by. */
export function jailedServers({ root, bundles }: Traces): number[] {
  return laterProcesses()
    .map(({ pid }) => pid)
    .filter((pid) => isJailed(pid, [root, ...bundles]));
}

const CONFINED = ["diod", "virtiofsd", "firecracker", "qemu-system-x86_64"];

/** Whether files below one of the folders are mounted in the jail that a process is in. @param folders with names that nothing else has */
export function isJailed(pid: number, folders: readonly string[]): boolean {
  try {
    const [program = "", script = ""] = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    // The stand-in for Firecracker is a script.
    if (![program, script].some((path) => CONFINED.includes(basename(path)))) return false;
    const mountinfo = readFileSync(`/proc/${pid}/mountinfo`, "utf8");
    return folders.some((folder) => mountinfo.includes(`/${basename(folder)}`));
  } catch {
    return false; // it has just ended
  }
}

export function mounts(folders: readonly string[]): string[] {
  const lines = readFileSync("/proc/self/mountinfo", "utf8").split("\n");
  return lines.filter((line) => folders.some((folder) => line.includes(folder)));
}

/** @param pattern of their paths, as find(1) has them */
export function cgroups(pattern: string): string[] {
  const args = ["/sys/fs/cgroup", "-maxdepth", "4", "-type", "d", "-path", pattern];
  // It fails for a folder that goes while it looks.
  return spawnSync("find", args, { encoding: "utf8" }).stdout.split("\n").filter(Boolean);
}

/** virtiofsd names its lock after the path of its socket, `/` written as `.`. */
export function lockFiles(root: string): string[] {
  return ["/run/virtiofsd", "/var/lib/run/virtiofsd"]
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder).map((name) => `${folder}/${name}`))
    .filter((path) => path.includes(root.replaceAll("/", ".")));
}
