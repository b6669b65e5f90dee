import { readdirSync, readFileSync } from "node:fs";

/** Of /proc/PID/stat and /proc/stat: USER_HZ, which is 100 on x86. */
const TICKS_PER_S = 100;

/** Seconds of processor time, by the name of the process. */
export type CpuUse = Record<string, number>;

interface Process {
  pid: number;
  parent: number;
  name: string;
  cpuS: number;
}

/** What these processes and their children have used so far, threads included. */
export function cpuOf(roots: readonly number[]): CpuUse {
  const all = processes();
  const use: CpuUse = {};
  const found = new Set(roots);
  // Children have come after their parents, but pids begin again some day.
  for (let before = 0; before < found.size;) {
    before = found.size;
    for (const { pid, parent } of all) if (found.has(parent)) found.add(pid);
  }
  for (const { pid, name, cpuS } of all) if (found.has(pid)) use[name] = (use[name] ?? 0) + cpuS;
  return use;
}

export function difference(after: CpuUse, before: CpuUse): CpuUse {
  return Object.fromEntries(Object.entries(after).map(([name, s]) => [name, s - (before[name] ?? 0)]));
}

/** What a kernel was busy with, from its /proc/stat. */
export function busyOf(stat: string): CpuUse {
  const fields = /^cpu +(.*)$/m.exec(stat)?.[1]?.split(" ").map(Number) ?? [];
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = fields;
  if (fields.length < 7) throw new Error(`/proc/stat: expected a line "cpu" of numbers, found ${stat}`);
  return {
    "guest user": (user + nice) / TICKS_PER_S,
    "guest system": system / TICKS_PER_S,
    "guest interrupts": (irq + softirq) / TICKS_PER_S,
  };
}

function processes(): Process[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((name) => readProcess(Number(name)))
    .filter((found) => found !== undefined);
}

/** @returns undefined when it has ended meanwhile */
function readProcess(pid: number): Process | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return undefined;
  }
  // The name is in brackets, and may have brackets itself.
  const end = stat.lastIndexOf(")");
  const fields = stat.slice(end + 2).split(" ");
  return {
    pid,
    parent: Number(fields[1]),
    name: stat.slice(stat.indexOf("(") + 1, end),
    cpuS: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_S,
  };
}
