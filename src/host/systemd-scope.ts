import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { existsSync } from "node:fs";
import { Deadline } from "../base/deadline.ts";
import { asNkError, NkError } from "../base/errors.ts";
import { membersOf } from "./cgroup.ts";
import type { UnitProperties } from "./cgroup-limits.ts";
import type { CgroupWish } from "./cgroup-manager.ts";
import { markedEnvironment } from "./cgroup-remove.ts";
import { unlessGivenUp } from "./give-up.ts";
import { shadowPath } from "./paths.ts";
import { findProgram } from "./programs.ts";
import { firstLine, runProgram, type Outcome } from "./run-program.ts";
import type { ScopeName } from "./systemd-names.ts";
import { isOrdinaryUser } from "./user-namespace.ts";

/*
 * systemd is asked by its own programs, which talk to it over D-Bus and wait for its jobs by their signals (docs/decisions). All of them are part of
 * systemd's package and of its promise of stable interfaces.
 */

/** There, as a folder, while systemd is the host's PID 1 (sd_booted(3)). */
export const SYSTEMD_FOLDER = "/run/systemd/system";

export function systemdRuns(): boolean {
  return existsSync(SYSTEMD_FOLDER);
}

/** Whom to ask: an ordinary user has a systemd of its own, which is delegated cgroups. */
function manager(): string[] {
  return isOrdinaryUser() ? ["--user"] : [];
}

/**
 * The cgroup below which all of a manager's are: none for the host's own.
 * @throws UNSUPPORTED where a user's systemd cannot be asked
 */
export async function managersFolder(): Promise<string> {
  if (manager().length === 0) return "";
  const { code, output } = await runProgram("systemctl", [
    ...manager(),
    "show",
    "--property=ControlGroup",
    "--value",
  ]);
  const folder = output.trim();
  if (code === 0 && folder.startsWith("/")) return folder;
  throw new NkError(
    "UNSUPPORTED",
    `--systemd-cgroup: the systemd of this user cannot be asked: ${firstLine(output) || "it has no cgroup"}: log in, or loginctl enable-linger; or leave out --systemd-cgroup`,
  );
}

/** As runc has it. */
const START_TIMEOUT_MS = 30_000;
/** A controller that is enabled later has not counted what was before. */
const ACCOUNTING = ["MemoryAccounting=yes", "CPUAccounting=yes", "TasksAccounting=yes", "IOAccounting=yes"];
const MAX_SAID_CHARS = 4096;
/** systemctl's exit status for a unit that is not loaded (LSB, "program is not installed"). */
const NOT_LOADED = 5;

/** A process of ours that holds the scope until others are in it. It ends with its input, and with us. */
export interface ScopeHolder {
  pid: number;
  release: () => void;
}

/**
 * Asks systemd for a transient scope, and waits until it is there. systemd forgets it, also after a failure (`--collect`), as soon as no process is
 * in it: that of a killed command goes by itself.
 * @throws HOST with systemd's words, TIMEOUT, the reason of `givenUp`
 */
export async function startScope(
  name: ScopeName,
  properties: readonly string[],
  wish: CgroupWish,
): Promise<ScopeHolder> {
  try {
    return await tryStart(name, properties, wish);
  } catch (error) {
    // One that has failed and was left by somebody keeps its name: it is reset, and asked for once more (as runc does).
    if (asNkError(error).code !== "HOST" || !(await isReset(name.unit))) throw error;
    return tryStart(name, properties, wish);
  }
}

async function isReset(unit: string): Promise<boolean> {
  return (await runProgram("systemctl", [...manager(), "reset-failed", "--", unit])).code === 0;
}

async function tryStart(
  { unit, slice }: ScopeName,
  properties: readonly string[],
  { id, stateDir, givenUp }: CgroupWish,
): Promise<ScopeHolder> {
  const all = ["Delegate=yes", "DefaultDependencies=no", ...ACCOUNTING, ...properties];
  const args = [...manager(), "--scope", "--quiet", "--collect", `--unit=${unit}`, `--slice=${slice}`]
    .concat(`--description=container ${id} of nano-sandbox`)
    .concat(all.map((text) => `--property=${text}`))
    .concat("--", "cat");
  const child = spawn(shadowPath(), ["spawn", "--parent", String(process.pid), "--", program(), ...args], {
    cwd: "/",
    env: markedEnvironment(stateDir),
    stdio: "pipe",
  });
  try {
    const deadline = Deadline.after(START_TIMEOUT_MS);
    await deadline.race(unlessGivenUp(givenUp, echoOf(child, unit)), `systemd's scope ${unit}`);
    if (child.pid === undefined) throw new NkError("INTERNAL", "systemd-run answers and has no pid");
    return { pid: child.pid, release: () => release(child) };
  } catch (error) {
    child.kill("SIGKILL");
    release(child);
    throw error;
  }
}

/** @throws HOST */
function program(): string {
  const found = findProgram("systemd-run", process.env["PATH"] ?? "", ["/usr/bin", "/bin"]);
  if (found !== undefined) return found;
  throw new NkError(
    "HOST",
    "systemd runs, and systemd-run is missing, a part of it: apt-get install systemd",
  );
}

/** `cat` answers, which systemd-run becomes when the scope is there and it is in it. @throws HOST when it ends before that */
function echoOf(child: ChildProcessWithoutNullStreams, unit: string): Promise<void> {
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said = (said + text).slice(0, MAX_SAID_CHARS);
  });
  const see = statusOf(unit);
  const echo = new Promise<void>((resolve, reject) => {
    child.stdout.once("data", () => resolve());
    child.once("error", ({ message }) =>
      reject(new NkError("HOST", `systemd-run cannot be started: ${message}`)),
    );
    child.once("close", () => {
      const words = firstLine(said) || "systemd-run has ended without a word";
      reject(new NkError("HOST", `systemd did not make the scope ${unit}: ${words}`, { see }));
    });
  });
  echo.catch(() => {}); // it may end when nobody waits any more
  child.stdin.on("error", () => {}); // its end is told by `close`
  child.stdin.write("\n");
  return echo;
}

function release(child: ChildProcessWithoutNullStreams): void {
  child.stdin.end();
  child.stdout.destroy();
  child.stderr.destroy();
  child.unref();
}

/** @throws HOST with systemd's words */
export async function setProperties({ unit, properties }: UnitProperties): Promise<void> {
  const outcome = await runProgram("systemctl", [
    ...manager(),
    "set-property",
    "--runtime",
    "--",
    unit,
    ...properties,
  ]);
  if (outcome.code !== 0) throw failed(`set ${properties.join(" ")} of`, unit, outcome);
}

/**
 * Has systemd end a scope, and waits until it has. One that is not there, or whose folders have processes of others in them, is left as it is.
 * @param folders of the container @throws HOST with systemd's words
 */
export async function stopScope(unit: string, folders: readonly string[]): Promise<void> {
  if (!systemdRuns() || folders.some((path) => membersOf(path).length > 0)) return;
  const outcome = await runProgram("systemctl", [...manager(), "stop", "--", unit]);
  if (outcome.code !== 0 && outcome.code !== NOT_LOADED) throw failed("stop", unit, outcome);
}

function failed(what: string, unit: string, { output }: Outcome): NkError {
  const words = firstLine(output) || "systemctl has failed without a word";
  return new NkError("HOST", `systemd did not ${what} the scope ${unit}: ${words}`, {
    see: statusOf(unit),
  });
}

function statusOf(unit: string): string {
  return ["systemctl", ...manager(), "status", unit].join(" ");
}
