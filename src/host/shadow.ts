import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import type { Readable, Writable } from "node:stream";
import type { Deadline } from "../base/deadline.ts";
import { NkError, type ErrorCode } from "../base/errors.ts";
import { markedEnvironment } from "./cgroup-remove.ts";
import { unlessGivenUp } from "./give-up.ts";
import { readLines } from "./lines.ts";
import { shadowPath } from "./paths.ts";
import { foreignDeath, isAlive, killProcess, processStartTime } from "./process-info.ts";
import {
  encodeCreatePlan,
  encodeExecPlan,
  type ExecShadowPlan,
  type ShadowPlan,
  type StandardStreams,
} from "./shadow-plan.ts";

export type { ExecShadowPlan, ShadowPlan, ShadowTerminal } from "./shadow-plan.ts";

/** The kernel needs no longer for a process without work of its own. */
const KILL_TIMEOUT_MS = 5000;

/** A shadow that runs: the process that callers know as the container, or as one exec session. */
export interface Shadow {
  readonly pid: number;
  /** What the monitor writes after its start. Ends when the monitor has closed the pipe; leaving a loop over it closes our end. */
  readonly reportLines: AsyncGenerator<string, void, void>;
  /** With `wait` it lives as long as the shadow, else it has ended or is about to. */
  readonly launcher: ChildProcess;
  /** With `wait`: the shadow's exit status, 128 + n for a signal. */
  exitStatus(): Promise<number>;
  /** SIGKILL; resolves when the process is gone. Its monitor notices and releases the rest. */
  kill(): Promise<void>;
}

/**
 * Assembles the container's tree, starts its shadow and its monitor; the shadow gets our standard streams. When it throws, nothing is
 * left. With `wait`, signals that we get are passed on to the container from here on.
 * @param givenUp ends the start
 * @throws HOST with the helper's reason, RUNTIME with the words of a monitor that runs, TIMEOUT, the reason of `givenUp`
 */
export async function startShadow(
  plan: ShadowPlan,
  deadline: Deadline,
  givenUp?: AbortSignal,
): Promise<Shadow> {
  const code = "argv" in plan.monitor ? "HOST" : "RUNTIME";
  const stdio = plan.stdio ?? "inherit";
  return launch("create", encodeCreatePlan(plan), {
    wait: plan.wait,
    stdio,
    stateDir: plan.stateDir,
    deadline,
    givenUp,
    code,
  });
}

/**
 * Starts a session in a running container and resolves when its process runs.
 * @throws EXEC with the reason why it does not, TIMEOUT
 */
export async function startExecShadow(plan: ExecShadowPlan & { deadline: Deadline }): Promise<Shadow> {
  return launch("exec", encodeExecPlan(plan), {
    wait: plan.wait,
    stdio: "inherit",
    stateDir: plan.stateDir,
    deadline: plan.deadline,
    code: "EXEC",
  });
}

function standardStreams(stdio: StandardStreams): readonly ("inherit" | "ignore" | number)[] {
  return typeof stdio === "string" ? [stdio, stdio, stdio] : stdio;
}

interface LaunchOptions {
  wait: boolean;
  stdio: StandardStreams;
  stateDir: string;
  deadline: Deadline;
  givenUp?: AbortSignal | undefined;
  /** Of the error that the helper reports. */
  code: ErrorCode;
}

async function launch(command: "create" | "exec", plan: Buffer, options: LaunchOptions): Promise<Shadow> {
  const launcher = spawn(shadowPath(), [command], {
    stdio: [...standardStreams(options.stdio), "pipe", "pipe"],
    env: markedEnvironment(options.stateDir),
  });
  const exited = exitStatusOf(launcher);
  const lines = reportOf(launcher, options.code);
  try {
    sendPlan(launcher, plan);
    const line = options.givenUp ? unlessGivenUp(options.givenUp, lines.next()) : lines.next();
    const first = await options.deadline.race(line, `the report of nk-shadow ${command}`);
    const pid = first.done === true ? undefined : parseShadowLine(first.value);
    if (pid === undefined) throw await noReport(command, exited, first.value ?? "");
    if (options.wait) passSignalsOn(launcher);
    return { pid, reportLines: lines, launcher, exitStatus: () => exited, kill: killer(pid) };
  } catch (error) {
    // The shadow dies with its launcher as long as it is not released (PR_SET_PDEATHSIG).
    launcher.kill("SIGKILL");
    (launcher.stdio[4] as Readable | null)?.destroy();
    await exited;
    throw error;
  }
}

/** Never rejects: a helper that cannot be started has status 127, as in a shell. */
async function exitStatusOf(child: ChildProcess): Promise<number> {
  try {
    const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
    return code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
  } catch {
    return 127;
  }
}

function sendPlan(launcher: ChildProcess, plan: Buffer): void {
  const stream = launcher.stdio[3] as Writable;
  // A launcher that died does not read it: said by its report, or by the lack of one.
  stream.on("error", () => {});
  stream.end(plan);
}

/** The lines on the report pipe; one that begins with "error" is the launcher's last word. */
async function* reportOf(launcher: ChildProcess, code: ErrorCode): AsyncGenerator<string, void, void> {
  for await (const line of readLines(launcher.stdio[4] as Readable)) {
    if (line.startsWith("error ")) throw new NkError(code, line.slice("error ".length));
    yield line;
  }
}

function parseShadowLine(line: string): number | undefined {
  const match = /^shadow (\d+)$/.exec(line);
  return match ? Number(match[1]) : undefined;
}

async function noReport(command: string, exited: Promise<number>, found: string): Promise<NkError> {
  const end = found === "" ? `it ended with status ${await exited}` : `found "${found}"`;
  const mend = `is it our helper? "make -C native" builds it`;
  return new NkError("HOST", `expected "shadow PID" from ${shadowPath()} ${command}, ${end}: ${mend}`);
}

/** Those that people, supervisors and a terminal send: the launcher is not in our process group (native/shadow/session.c). */
const PASSED_ON = [
  "SIGHUP",
  "SIGINT",
  "SIGQUIT",
  "SIGTERM",
  "SIGUSR1",
  "SIGUSR2",
  "SIGALRM",
  "SIGCONT",
  "SIGPWR",
  "SIGWINCH",
] as const;

function passSignalsOn(launcher: ChildProcess): void {
  const pass = (signal: NodeJS.Signals): void => {
    launcher.kill(signal);
  };
  for (const signal of PASSED_ON) process.on(signal, pass);
  // The terminal may have another size since the launcher has left our process group.
  launcher.kill("SIGWINCH");
  launcher.once("exit", () => {
    for (const signal of PASSED_ON) process.off(signal, pass);
  });
}

function killer(pid: number): () => Promise<void> {
  const startTime = processStartTime(pid);
  return async () => {
    if (startTime === undefined || !isAlive(pid, startTime)) return;
    killProcess(pid);
    if (await foreignDeath(pid, startTime, KILL_TIMEOUT_MS)) return;
    throw new NkError("HOST", `the shadow ${pid} did not end after SIGKILL`, { see: `/proc/${pid}/stack` });
  };
}
