import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";

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
    ...jailedServers(traces).map((pid) => `process ${pid}: a share's server in its jail`),
    ...mounts([root, ...bundles]),
    ...cgroups(idPrefix),
    ...lockFiles(root),
    ...(existsSync(root) ? readdirSync(root).filter((name) => !name.startsWith(".")) : []),
  ];
}

function processes(root: string): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
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

/** Servers of trees of ours. They have no environment to be known by. */
export function jailedServers({ root, bundles }: Traces): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        if (readFileSync(`/proc/${pid}/comm`, "utf8") !== "diod\n") return false;
        const text = readFileSync(`/proc/${pid}/mountinfo`, "utf8");
        return [root, ...bundles].some((folder) => text.includes(folder));
      } catch {
        return false; // it has just ended
      }
    })
    .map(Number);
}

function mounts(folders: readonly string[]): string[] {
  const lines = readFileSync("/proc/self/mountinfo", "utf8").split("\n");
  return lines.filter((line) => folders.some((folder) => line.includes(folder)));
}

function cgroups(idPrefix: string): string[] {
  const args = ["/sys/fs/cgroup", "-maxdepth", "4", "-type", "d", "-path", `*nano-sandbox/${idPrefix}*`];
  // It fails for a folder that goes while it looks.
  return spawnSync("find", args, { encoding: "utf8" }).stdout.split("\n").filter(Boolean);
}

/** virtiofsd names its lock after the path of its socket, `/` written as `.`. */
function lockFiles(root: string): string[] {
  return ["/run/virtiofsd", "/var/lib/run/virtiofsd"]
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder).map((name) => `${folder}/${name}`))
    .filter((path) => path.includes(root.replaceAll("/", ".")));
}
