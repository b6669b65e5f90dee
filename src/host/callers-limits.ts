import { readFileSync } from "node:fs";

/** A resource limit as config.json has it: bigint for "unlimited", which is 2^64-1. */
export interface ResourceLimit {
  type: string;
  soft: number | bigint;
  hard: number | bigint;
}

/** The lines of /proc/PID/limits (proc(5)) and what getrlimit(2) calls them. */
const TYPES: Record<string, string> = {
  "Max cpu time": "RLIMIT_CPU",
  "Max file size": "RLIMIT_FSIZE",
  "Max data size": "RLIMIT_DATA",
  "Max stack size": "RLIMIT_STACK",
  "Max core file size": "RLIMIT_CORE",
  "Max resident set": "RLIMIT_RSS",
  "Max processes": "RLIMIT_NPROC",
  "Max open files": "RLIMIT_NOFILE",
  "Max locked memory": "RLIMIT_MEMLOCK",
  "Max address space": "RLIMIT_AS",
  "Max file locks": "RLIMIT_LOCKS",
  "Max pending signals": "RLIMIT_SIGPENDING",
  "Max msgqueue size": "RLIMIT_MSGQUEUE",
  "Max nice priority": "RLIMIT_NICE",
  "Max realtime priority": "RLIMIT_RTPRIO",
  "Max realtime timeout": "RLIMIT_RTTIME",
};

const UNLIMITED = 2n ** 64n - 1n;
const LINE = /^(Max [a-z ]+?) {2,}(unlimited|\d+) +(unlimited|\d+)/gm;

/** How many files our caller may open; undefined where nobody has said it. node raises the soft limit of its own process when it starts. */
export function callersOpenFiles(env = process.env): number | undefined {
  const text = env["NK_CALLERS_NOFILE"] ?? "";
  return /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}

/** The resource limits of our caller, which a container gets where its config.json names none: runc's container inherits them. */
export function callersLimits(
  text = readFileSync("/proc/self/limits", "utf8"),
  openFiles = callersOpenFiles(),
): ResourceLimit[] {
  return [...text.matchAll(LINE)].flatMap(([, name = "", soft = "", hard = ""]) => {
    const type = TYPES[name];
    if (type === undefined) return [];
    const own = { type, soft: toLimit(soft), hard: toLimit(hard) };
    return [type === "RLIMIT_NOFILE" && openFiles !== undefined ? { ...own, soft: openFiles } : own];
  });
}

function toLimit(word: string): number | bigint {
  return word === "unlimited" ? UNLIMITED : Number(word);
}
