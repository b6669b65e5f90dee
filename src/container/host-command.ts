import { spawn } from "node:child_process";
import type { ChildProcess, StdioOptions } from "node:child_process";
import { once } from "node:events";
import { readFileSync, rmSync } from "node:fs";
import { constants } from "node:os";
import { basename, join } from "node:path";
import { isatty } from "node:tty";
import { NkError } from "../base/errors.ts";
import { isObject } from "../base/json.ts";
import { callersOpenFiles } from "../host/callers-limits.ts";
import type { HostRecord } from "../state/record.ts";
import { runtimeSteps, traced, warnings } from "../trace/channels.ts";
import type { HostCreation } from "./host-creation.ts";
import { isCrun } from "./host-runtime.ts";

export interface HostCommand {
  host: HostRecord;
  /** Options before the command. */
  globals?: string[];
  /** The command, its options and operands. */
  args: string[];
  /** Folder for the runtime's own log, which its errors are taken from. */
  stateDir: string;
  why: string;
  /** Descriptors for the standard streams of one that runs in the foreground; undefined: ours. */
  stdio?: readonly [number, number, number] | undefined;
}

export interface HostResult {
  /** Exit status, or 128 and the number of the signal. */
  status: number;
  /** The last error the runtime logged. */
  error: string | undefined;
  stdout: string;
}

/** Runs the host's runtime with no stdio of ours, and waits. @throws RUNTIME with its words when it fails. */
export async function runQuietly(command: HostCommand): Promise<string> {
  const result = await run(command, ["ignore", "pipe", "ignore"]);
  if (result.status !== 0) throw runtimeError(command, result, false);
  return result.stdout;
}

/**
 * Runs the host's runtime with our stdio or the command's, which the container inherits, and `preserveFds` descriptors beyond. Signals are passed on,
 * but for those that end a `creation`.
 */
export async function runInForeground(
  command: HostCommand,
  preserveFds: number,
  creation?: HostCreation,
): Promise<number> {
  const fds = preserveFds + listenFds();
  const standard = command.stdio ?? [0, 1, 2];
  const stdio: StdioOptions = [...standard, ...Array.from({ length: fds }, (_, index) => 3 + index)];
  const result = await run(command, stdio, creation);
  const isShown = standard[2] === 2;
  if (result.error !== undefined && result.status !== 0) throw runtimeError(command, result, isShown);
  return result.status;
}

async function run(command: HostCommand, stdio: StdioOptions, creation?: HostCreation): Promise<HostResult> {
  const { host, globals = [], args, stateDir } = command;
  const log = join(stateDir, `runtime-${process.pid}.log`);
  const format = isCrun(host.runtime) ? CRUN_LOG : RUNC_LOG;
  const debug = runtimeSteps.hasSubscribers && format.hasSteps ? ["--debug"] : [];
  const argv = [
    "--root",
    host.root,
    "--log",
    log,
    "--log-format",
    format.name,
    ...debug,
    ...globals,
    ...args,
  ];
  const notes = { why: command.why, what: [host.runtime, ...argv].join(" ") };
  try {
    return await traced("runtime", `${basename(host.runtime)} ${args[0] ?? ""}`, notes, async () => {
      await creation?.begin();
      const child = start(host.runtime, argv, stdio);
      const stopForwarding = forwardSignals(child, creation);
      let stdout = "";
      child.stdout?.on("data", (chunk: Buffer) => (stdout += chunk.toString("utf8")));
      try {
        const exited = exitStatus(child, host.runtime);
        const status = await (creation?.watch(child, exited) ?? exited);
        const entries = readEntries(log, format);
        const error = entries.findLast(({ level }) => level === "error")?.text;
        publishEntries(entries, basename(host.runtime), status);
        return { status, error, stdout };
      } finally {
        stopForwarding();
      }
    });
  } finally {
    rmSync(log, { force: true });
  }
}

/** Nobody else will read that log. An error of a call that went well: a poststop hook that failed, say. */
function publishEntries(entries: readonly LogEntry[], runtime: string, status: number): void {
  for (const { level, text } of entries) {
    if (level === "debug") runtimeSteps.publish(`${runtime}: ${text}`);
    else if (level === "warning" || status === 0) warnings.publish(`${runtime}: ${text}`);
  }
}

/**
 * By a shell where only the runtime's own process can do it: socket activation names the pid it is meant for, and a container without rlimits
 * gets our caller's limit of open files, which node has raised for itself.
 */
function start(runtime: string, argv: string[], stdio: StdioOptions): ChildProcess {
  const openFiles = callersOpenFiles();
  const limit = openFiles === undefined ? [] : [`ulimit -S -n ${openFiles}`];
  const pid = listenFds() === 0 ? [] : ["export LISTEN_PID=$$"];
  if (limit.length + pid.length === 0) return spawn(runtime, argv, { stdio });
  return spawn("/bin/sh", ["-c", [...limit, ...pid, 'exec "$@"'].join("; "), "sh", runtime, ...argv], {
    stdio,
  });
}

/** Descriptors of socket activation that are meant for us (sd_listen_fds(3)). */
function listenFds(): number {
  if (Number(process.env["LISTEN_PID"]) !== process.pid) return 0;
  return Number(process.env["LISTEN_FDS"] ?? 0) || 0;
}

async function exitStatus(child: ChildProcess, runtime: string): Promise<number> {
  try {
    // With a pipe, its end: all output is there. Without one the two events are the same.
    const [code, signal] = (await once(child, child.stdout ? "close" : "exit")) as [
      number | null,
      string | null,
    ];
    if (code !== null) return code;
    return 128 + ((constants.signals as Record<string, number>)[signal ?? ""] ?? 0);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new NkError("HOST", `cannot start ${runtime}: ${reason}`, { cause: error });
  }
}

const FORWARDED = ["SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGUSR2", "SIGALRM"] as const;

/** The runtime passes signals on to the container. Those of a terminal's keys reach it without us: it is in our process group. */
function forwardSignals(child: ChildProcess, creation: HostCreation | undefined): () => void {
  const keys = isatty(0) ? ["SIGINT", "SIGQUIT"] : [];
  const handlers = FORWARDED.map((signal) => {
    const handler = (): void => {
      if (!keys.includes(signal) && creation?.takes(signal) !== true) child.kill(signal);
    };
    process.on(signal, handler);
    return [signal, handler] as const;
  });
  return () => handlers.forEach(([signal, handler]) => process.off(signal, handler));
}

interface LogEntry {
  level: "error" | "warning" | "debug";
  text: string;
}

interface LogFormat {
  name: "json" | "text";
  /** Whether steps (--debug) can be told from errors. */
  hasSteps: boolean;
  /** What a line says, if it is of a level that somebody reads. */
  entryIn: (line: string) => LogEntry | undefined;
}

/** Lines of logrus. */
const RUNC_LOG: LogFormat = {
  name: "json",
  hasSteps: true,
  entryIn: (line) => {
    const { level, msg } = parseLine(line) ?? {};
    return level === "error" || level === "warning" || level === "debug"
      ? { level, text: String(msg) }
      : undefined;
  },
};

/**
 * crun writes what fails after the start, when the program is executed, to the container's own standard error, in the format of its log: people
 * would get a line of JSON there. In this one it logs errors only, as they are.
 */
const CRUN_LOG: LogFormat = {
  name: "text",
  hasSteps: false,
  entryIn: (text) => (text === "" ? undefined : { level: "error", text }),
};

/** What a runtime's log says. */
function readEntries(log: string, { entryIn }: LogFormat): LogEntry[] {
  let text: string;
  try {
    text = readFileSync(log, "utf8");
  } catch {
    return [];
  }
  return text
    .split("\n")
    .map(entryIn)
    .filter((entry) => entry !== undefined);
}

function parseLine(line: string): Record<string, unknown> | undefined {
  try {
    const value = JSON.parse(line) as unknown;
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function runtimeError({ host, args }: HostCommand, { status, error }: HostResult, shown: boolean): NkError {
  const name = basename(host.runtime);
  const message = error ?? `${name} ${args[0] ?? ""} ended with status ${status} and said nothing`;
  return new NkError("RUNTIME", message, { shown: shown && error !== undefined });
}
