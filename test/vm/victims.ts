import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { laterProcesses, type Later } from "./processes.ts";
import { isJailed, MARK } from "./residue.ts";
import { scaled } from "../fixtures/scaled.ts";

/** A part of the runtime that can be killed. `halted` is whoever has stopped at the step. */
export type Victim =
  | "cli"
  | "launcher"
  | "shadow"
  | "holder"
  | "exec shadow"
  | "monitor"
  | "QEMU"
  | "Firecracker"
  | "virtiofsd"
  | "halted";

interface Process {
  pid: number;
  /** As the kernel shows it in /proc/PID/stat. */
  state: string;
  /** 15 bytes that the process may set itself. */
  name: string;
  argv: string[];
  /** Its pid in the pid namespace that it is in, where that is not ours. */
  innerPid: number | undefined;
}

/** The processes of one state folder. Zombies are none: they only wait for their parent. */
export function processesOf(root: string): Process[] {
  return laterProcesses()
    .map((later) => readProcess(later, root))
    .filter((found) => found !== undefined);
}

function readProcess({ pid, parent, state }: Later, root: string): Process | undefined {
  try {
    // What has a root of its own has no environment; who waits for it has.
    if (!isMarked(pid, root) && !isMarked(parent, root) && !isJailed(pid, [root])) return undefined;
    const argv = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    const name = readFileSync(`/proc/${pid}/comm`, "utf8").trim();
    return { pid, state, name, argv, innerPid: innerPid(pid) };
  } catch {
    return undefined; // it has just ended
  }
}

function innerPid(pid: number): number | undefined {
  if (readlinkSync(`/proc/${pid}/ns/pid`) === readlinkSync("/proc/self/ns/pid")) return undefined;
  const pids = /^NSpid:(.*)$/m
    .exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]
    ?.trim()
    .split(/\s+/);
  return Number(pids?.at(-1));
}

function isMarked(pid: number, root: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, "utf8").includes(`${MARK}=${root}\0`);
  } catch {
    return false; // it has just ended
  }
}

/**
 * All of it: a process that is just ending has lost its memory before its descriptors, whose ends are what others notice. Its first
 * thread may be a zombie while another still holds them.
 */
export function hasEnded(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const isZombie = "ZX".includes(stat.slice(stat.lastIndexOf(")") + 2)[0] ?? "Z");
    return isZombie && readdirSync(`/proc/${pid}/task`).length === 1;
  } catch {
    return true;
  }
}

const IS: Record<Victim, (found: Process) => boolean> = {
  halted: ({ state, name }) => state === "T" || name === "nk-halted",
  cli: ({ argv }) => isNode(argv) && !argv.includes("monitor") && !argv.includes("vm-pool"),
  monitor: ({ argv }) => isNode(argv) && argv.includes("monitor"),
  launcher: ({ argv, innerPid: inner }) => isShadow(argv, "create", "exec") && inner === undefined,
  // They show themselves with the command lines of what they stand for.
  shadow: ({ innerPid: inner, name }) => inner === 1 && name === "nk-shadow",
  holder: ({ innerPid: inner, name }) => inner === 1 && name === "nk-holder",
  "exec shadow": isExecShadow,
  QEMU: ({ argv }) => /qemu-system/.test(argv[0] ?? ""),
  Firecracker: ({ argv }) => argv.slice(0, 2).some((path) => isProgram([path], "/firecracker")),
  virtiofsd: ({ argv }) => isProgram(argv, "virtiofsd"),
};

/** Also what it leaves behind when its command has ended, and others hold its output. */
export function isExecShadow({ innerPid: inner, name, argv }: Process): boolean {
  // One that has stopped at a step has another name, and shows itself as what it is.
  const isShadowYet = name === "nk-shadow" || isShadow(argv, "exec");
  return inner !== undefined && inner !== 1 && isShadowYet;
}

function isNode(argv: string[]): boolean {
  return argv.some((word) => word.endsWith("nk-runtime.cjs"));
}

function isProgram([path = ""]: string[], name: string): boolean {
  return path.endsWith(name);
}

function isShadow(argv: string[], ...commands: string[]): boolean {
  return isProgram(argv, "nk-shadow") && commands.includes(argv[1] ?? "");
}

/** Waits until the victim is there: what it waits for has no event that a test could see. */
export async function findVictim(root: string, victim: Victim, timeoutMs = 30_000): Promise<number> {
  const found = await within(timeoutMs, () => processesOf(root).find(IS[victim]));
  if (found === undefined) {
    const seen = processesOf(root).map(({ pid, state, argv }) => `${pid} ${state} ${argv.join(" ")}`);
    throw new Error(`no ${victim} within ${timeoutMs} ms, found:\n${seen.join("\n")}`);
  }
  return found.pid;
}

/** A look through the processes costs some milliseconds, which the machine that is waited for could use. */
const LOOK_EVERY_MS = 25;

/** What `look` finds, at most `timeoutMs` later; undefined when it finds nothing. */
export async function within<T>(timeoutMs: number, look: () => T | undefined): Promise<T | undefined> {
  const end = performance.now() + scaled(timeoutMs);
  for (;;) {
    const found = look();
    if (found !== undefined || performance.now() > end) return found;
    await new Promise((resolve) => {
      setTimeout(resolve, LOOK_EVERY_MS);
    });
  }
}
