import { readFileSync } from "node:fs";

export interface ProcessStats {
  role: string;
  pid: number;
  /** Its share of the memory it maps: pages that others map too are divided among them (proc(5), smaps_rollup). */
  pssKib: number;
  /** User and system time since its start. */
  cpuMs: number;
}

/** USER_HZ, which is 100 on every Linux that we run on (time(7)). */
const TICK_MS = 10;

/** What a process costs now; undefined when it has ended. */
export function processStats(role: string, pid: number): ProcessStats | undefined {
  try {
    const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name in parentheses may hold blanks. What follows begins with field 3; utime and stime are 14 and 15 (proc(5)).
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return {
      role,
      pid,
      pssKib: Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0),
      cpuMs: (Number(fields[11]) + Number(fields[12])) * TICK_MS,
    };
  } catch {
    return undefined;
  }
}
