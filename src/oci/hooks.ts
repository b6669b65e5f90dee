import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { asNkError, NkError } from "../base/errors.ts";
import { reasonOf } from "../base/system-error.ts";
import { isObject } from "../base/json.ts";
import { isFolder } from "./config-file.ts";
import { frozenConfig } from "./frozen-config.ts";
import type { OciHook } from "./config.ts";
import { ociState } from "./state.ts";
import type { StateSource } from "./state.ts";

/** The hooks that run on the host (runtime-spec config.md#posix-platform-hooks). `startContainer` is the guest's. */
export type HostHook = "prestart" | "createRuntime" | "createContainer" | "poststart" | "poststop";

/** The specification lets the life of the container go on when one of these fails. */
const TOLERATED: readonly HostHook[] = ["poststart", "poststop"];

const OUTPUT_TAIL_BYTES = 2048;
/** A hook may leave a daemon behind that holds its output open: after its end we wait this long for the last of it. */
const OUTPUT_GRACE_MS = 200;

/**
 * Runs the hooks of one kind, in order, with the container's state on their standard input; in the bundle, while that is there.
 * @param stateDir has the config.json that `create` has frozen: a guest may have written to that of the bundle
 * @returns the failures of hooks whose failure is tolerated, one line each. @throws HOST at the first other failure, DAMAGED
 */
export async function runHooks(kind: HostHook, stateDir: string, source: StateSource): Promise<string[]> {
  const { hooks } = frozenConfig(stateDir);
  const cwd = isFolder(source.bundle) ? source.bundle : "/";
  const list = isObject(hooks) ? ((hooks[kind] ?? []) as OciHook[]) : [];
  const state = JSON.stringify(ociState(source));
  const failures: string[] = [];
  for (const hook of list) {
    try {
      await runHook(kind, hook, cwd, state);
    } catch (error) {
      if (!TOLERATED.includes(kind)) throw error;
      failures.push(inOneLine(asNkError(error)));
    }
  }
  return failures;
}

/** With the last line of what the hook has said. */
function inOneLine({ message, log = "" }: NkError): string {
  const words = log.split("\n").at(-1) ?? "";
  return words === "" ? message : `${message}: ${words}`;
}

async function runHook(kind: HostHook, hook: OciHook, cwd: string, state: string): Promise<void> {
  const [argv0 = hook.path, ...args] = hook.args ?? [];
  const env = hook.env ? environment(hook.env) : process.env;
  const timeoutMs = hook.timeout ? hook.timeout * 1000 : undefined;
  const child = spawn(hook.path, args, {
    argv0,
    cwd,
    env,
    stdio: ["pipe", "pipe", "pipe"],
    ...(timeoutMs !== undefined && { timeout: timeoutMs, killSignal: "SIGKILL" }),
  });
  const output = collectTail(child);
  // A hook that does not read its input closes it: no failure.
  child.stdin.on("error", () => {});
  child.stdin.end(state);
  const [code, signal] = await ended(child, kind, hook.path);
  if (code === 0) return;
  await Promise.race([once(child, "close"), graceTimer()]);
  const timedOut = timeoutMs !== undefined && signal === "SIGKILL";
  const how = timedOut ? `did not end within its timeout of ${timeoutMs} ms` : describeEnd(code, signal);
  throw new NkError("HOST", `${kind} hook ${hook.path} ${how}`, { phase: `${kind} hook`, log: output() });
}

async function ended(
  child: ChildProcess,
  kind: HostHook,
  path: string,
): Promise<[number | null, string | null]> {
  try {
    return (await once(child, "exit")) as [number | null, string | null];
  } catch (error) {
    const problem = `${kind} hook ${path} could not be started: ${reasonOf(error)}`;
    throw new NkError("HOST", `${problem}: correct hooks in config.json`, { cause: error });
  }
}

function describeEnd(code: number | null, signal: string | null): string {
  return signal === null ? `failed with exit status ${code}` : `was ended by ${signal}`;
}

function collectTail(child: ChildProcess): () => string {
  let tail = "";
  const keep = (chunk: Buffer): void => {
    tail = (tail + chunk.toString("utf8")).slice(-OUTPUT_TAIL_BYTES);
  };
  child.stdout?.on("data", keep);
  child.stderr?.on("data", keep);
  return () => tail.trim();
}

function graceTimer(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, OUTPUT_GRACE_MS).unref();
  });
}

function environment(entries: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    entries.map((entry) => {
      const equals = entry.indexOf("=");
      return equals < 0 ? [entry, ""] : [entry.slice(0, equals), entry.slice(equals + 1)];
    }),
  );
}
