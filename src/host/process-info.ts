import { readFileSync } from "node:fs";

/** Field 22 of /proc/PID/stat, in clock ticks since boot: with the pid it names one process for ever. Undefined: no such process. */
export function processStartTime(pid: number): number | undefined {
  return readStat(pid)?.startTime;
}

/** Whether that very process still runs. A zombie does not: it only waits for its parent. */
export function isAlive(pid: number, startTime: number): boolean {
  const stat = readStat(pid);
  return stat !== undefined && stat.startTime === startTime && stat.state !== "Z" && stat.state !== "X";
}

/** SIGKILL. A process that has ended by itself in the meantime is as good. */
export function killProcess(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** SIGKILL to that very process, if it still runs. */
export function killIfAlive(pid: number, startTime: number): void {
  if (pid > 0 && isAlive(pid, startTime)) killProcess(pid);
}

interface Stat {
  state: string;
  startTime: number;
}

function readStat(pid: number): Stat | undefined {
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return undefined;
  }
}

/** The name in parentheses may itself hold spaces and parentheses: fields are counted from the last one (proc(5)). */
export function parseStat(text: string): Stat | undefined {
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const startTime = Number(fields[19]);
  const state = fields[0];
  return state === undefined || !Number.isInteger(startTime) ? undefined : { state, startTime };
}

/** Often enough to feel immediate, seldom enough to cost nothing. */
const POLL_INTERVAL_MS = 10;

/**
 * Resolves with true when a process that is not our child has ended, with false at the deadline. The kernel has an event for this
 * (pidfd), but node cannot wait for one, so /proc is looked at. For children of ours use their "exit" event.
 */
export async function foreignDeath(pid: number, startTime: number, timeoutMs: number): Promise<boolean> {
  const endMs = performance.now() + timeoutMs;
  while (isAlive(pid, startTime)) {
    if (performance.now() >= endMs) return false;
    await new Promise((resolve) => {
      setTimeout(resolve, POLL_INTERVAL_MS);
    });
  }
  return true;
}

/** None on a kernel without CONFIG_PROC_CHILDREN. */
export function childrenOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
    return text.split(" ").filter(Boolean).map(Number);
  } catch {
    return [];
  }
}
