import { readdirSync, readFileSync } from "node:fs";

export interface Later {
  pid: number;
  parent: number;
  /** As the kernel shows it in /proc/PID/stat. */
  state: string;
}

/** When this process began, in the clock ticks of /proc/PID/stat. */
const OUR_START = readStat("self")?.start ?? 0;

/** The processes that began after this one, as all of its tests' have: what else runs on the host, a hundred and more, is not looked into. */
export function laterProcesses(): Later[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((name) => {
      const found = readStat(name);
      return found !== undefined && found.start >= OUR_START ? [{ pid: Number(name), ...found }] : [];
    });
}

function readStat(name: string): (Omit<Later, "pid"> & { start: number }) | undefined {
  try {
    const stat = readFileSync(`/proc/${name}/stat`, "utf8");
    // The name of the program before it may have anything in it. The first here is the third of proc(5).
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return { state: fields[0] ?? "", parent: Number(fields[1]), start: Number(fields[19]) };
  } catch {
    return undefined; // it has just ended
  }
}

/** Its program and arguments; none of one that has just ended. */
export function commandLine(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  } catch {
    return [];
  }
}
