import type { ChildProcess } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import {
  buildAgent,
  exits,
  guestImage,
  hello,
  peakKib,
  success,
  until,
  type Script,
} from "./hostile-guest.ts";
import { Runtime, type Result } from "./runtime.ts";
import { within as seenWithin } from "./victims.ts";
import { scaled } from "../fixtures/scaled.ts";

/** For what ends by a deadline only, a fifth of all: a hello then may take 24 s, any answer 12 s. Others may boot on a busy machine. */
export const IN_A_HURRY = { NK_TIMEOUT_SCALE: "0.2" };
/** Longer than any deadline and the clean-up after it. */
const HANG_MS = scaled(180_000);
/** What a hostile guest may cost beyond a good one. */
const ALLOWANCE_KIB = 64 * 1024;
/** A state folder with all its logs: each of four logs at most twice 1 MiB, the trace 8 MiB. */
const STATE_MAX_BYTES = 17 * 1024 * 1024;
/** How long a guest that goes on for ever does so. */
const FLOOD_MS = 2_000;
/** The peak of a process never falls: the last look but one is nearly the truth. */
const LOOK_EVERY_MS = 20;
const MIB = 1024 * 1024;

// oxlint-disable-next-line no-control-regex -- they are what must not be there
export const DRIVES_A_TERMINAL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]/;

export interface Attacked extends Result {
  stateDir: string;
  /** Peak memory of the container's monitor. */
  monitorPeakKib: number;
}

/** A runtime with one good container, and guests that attack it. */
export class HostileRig {
  readonly runtime = new Runtime();
  /** No monitor may have needed more than this. */
  boundKib = 0;
  private neighbour = "";
  private logs = 0;

  /** To be closed also where this throws. */
  async start(): Promise<void> {
    buildAgent();
    this.neighbour = await this.runtime.background();
    const good = await this.run((id) => [hello, until("start"), success, exits(id, 5)]);
    expect(good).toMatchObject({ code: 5, stdout: "", stderr: "" });
    expect(good.monitorPeakKib).toBeGreaterThan(0);
    this.boundKib = good.monitorPeakKib + ALLOWANCE_KIB;
  }

  /** What is left behind; the good container must still be there. */
  async close(): Promise<string[]> {
    const answer = await this.runtime.call(["exec", this.neighbour, "echo", "unharmed"]);
    const left = await this.runtime.close();
    return answer.stdout === "unharmed\n" ? left : [`the neighbour: ${answer.stderr}`, ...left];
  }

  /** `run` in the foreground, to its end. */
  async run(script: Script, flags: string[] = [], env: NodeJS.ProcessEnv = {}): Promise<Attacked> {
    const { id, args } = await this.prepare(script, flags);
    const stateDir = join(this.runtime.root, id);
    const peak = this.watch(stateDir);
    const result = await within(HANG_MS, this.runtime.call(args, { env }));
    return { ...result, stateDir, monitorPeakKib: peak() };
  }

  /** A container in such a guest, running, which has little time for its answers. */
  async background(script: Script): Promise<string> {
    const { id, args } = await this.prepare(script);
    const words = args.flatMap((word) => (word === "run" ? ["run", "-d"] : [word]));
    await this.runtime.detached(words, IN_A_HURRY);
    return id;
  }

  /** The guest makes `run` fail, with one line that says why, in time, at a bounded price. */
  async expectEnd(
    script: Script,
    error: RegExp,
    flags: string[] = [],
    env: NodeJS.ProcessEnv = {},
  ): Promise<void> {
    const log = join(this.runtime.root, `.log-${(this.logs += 1)}`);
    const logged = [`--log=${log}`, "--log-format=json"];
    const { code, stdout, stderr, monitorPeakKib, stateDir } = await this.run(
      script,
      [...logged, ...flags],
      env,
    );
    const [line = "", ...rest] = stderr.trimEnd().split("\n");
    expect(line).toMatch(error);
    expect(line).toMatch(/^nk-runtime: /);
    expect(rest.filter((more) => !/^ {2}(\||see:) /.test(more))).toEqual([]);
    expect(stderr).not.toMatch(DRIVES_A_TERMINAL);
    expect(stderr.length).toBeLessThan(20_000);
    expect([1, 137]).toContain(code);
    if (code === 1) expect(STABLE_CODES).toContain(codeIn(log));
    expect(stdout.replaceAll("x", "")).toBe("");
    expect(monitorPeakKib).toBeLessThan(this.boundKib);
    expect(readdirSync(this.runtime.root)).not.toContain(stateDir.split("/").at(-1));
  }

  /** `delete --force` ends a `run` whose guest does not come up. */
  async expectDeletedInBoot(script: Script): Promise<void> {
    const { id, args } = await this.prepare(script);
    const deleted: Promise<string>[] = [];
    const run = await this.runtime.call(args, {
      during: () => deleted.push(this.deleteOnceThere(id)),
    });
    await Promise.all(deleted);
    expect(run.code).toBe(1);
    expect(run.stderr).toMatch(/^nk-runtime: .*(force|killed)/);
  }

  private async deleteOnceThere(id: string): Promise<string> {
    const socket = join(this.runtime.root, id, "control.sock");
    await seenWithin(HANG_MS, () => existsSync(socket) || undefined);
    return within(HANG_MS, this.runtime.ok(["delete", "--force", id]));
  }

  /** The guest runs on until it is deleted by force; while it does, memory and files stay bounded and others are served. */
  async expectEndByForce(script: Script): Promise<void> {
    const { id, args } = await this.prepare(script);
    const child = this.runtime.spawn(args, IN_A_HURRY);
    // Nobody reads: the streams stay as they are.
    const ended = new Promise((resolve) => child.on("exit", resolve));
    await this.afterFlood(child, id);
    await ended;
  }

  /** As `expectEndByForce`, with standard input that never ends. */
  async expectInputKept(script: Script): Promise<void> {
    const { id, args } = await this.prepare(script);
    const child = this.runtime.spawn(args, IN_A_HURRY);
    const ended = new Promise((resolve) => child.on("exit", resolve));
    const { stdin } = child;
    stdin?.on("error", () => {});
    let taken = 0;
    const more = (): void => {
      stdin?.write(Buffer.alloc(MIB), (error) => {
        if (error) return;
        taken += 1;
        more();
      });
    };
    more();
    await this.afterFlood(child, id, () => expect(taken).toBeLessThan(8));
    await ended;
  }

  private async afterFlood(child: ChildProcess, id: string, look = (): void => {}): Promise<void> {
    const stateDir = join(this.runtime.root, id);
    await waitForStart(this.runtime, id, child);
    const peak = this.watch(stateDir);
    await new Promise((resolve) => {
      setTimeout(resolve, FLOOD_MS);
    });
    expect(await this.runtime.ok(["exec", this.neighbour, "echo", "served"])).toBe("served\n");
    expect(folderBytes(stateDir)).toBeLessThan(STATE_MAX_BYTES);
    look();
    await within(HANG_MS, this.runtime.ok(["delete", "--force", id]));
    const peakKibOfMonitor = peak();
    expect(peakKibOfMonitor).toBeGreaterThan(0);
    expect(peakKibOfMonitor).toBeLessThan(this.boundKib);
  }

  private async prepare(script: Script, flags: string[] = []): Promise<{ id: string; args: string[] }> {
    const { dir } = await this.runtime.bundle({ args: ["true"] });
    const id = this.runtime.id();
    const rootfs = `--vm-rootfs=${guestImage(this.runtime, script(id))}`;
    // Without a share: a guest that does not look at what it was given is found out at once.
    const share = flags.some((flag) => flag.startsWith("--vm-share")) ? [] : ["--vm-share=block"];
    const words = [...globals(flags), "run", "--mode=vm", rootfs, ...share, ...own(flags)];
    return { id, args: [...words, "--bundle", dir, id] };
  }

  /** Looks at the monitor's peak until called. */
  private watch(stateDir: string): () => number {
    let peak = 0;
    const timer = setInterval(() => {
      peak = Math.max(peak, peakKib(stateDir));
    }, LOOK_EVERY_MS);
    return () => {
      clearInterval(timer);
      return peak;
    };
  }
}

const GLOBAL_FLAG = /^--(educational|log)/;
const globals = (flags: string[]): string[] => flags.filter((flag) => GLOBAL_FLAG.test(flag));
const own = (flags: string[]): string[] => flags.filter((flag) => !GLOBAL_FLAG.test(flag));

/** What a guest can cause (docs/errors.md). */
const STABLE_CODES = ["PROTOCOL", "TIMEOUT", "VMM", "AGENT", "BOOT", "SHARE"];

/** The code of the error in a JSON log. */
function codeIn(log: string): unknown {
  const lines = readFileSync(log, "utf8").trimEnd().split("\n");
  return (JSON.parse(lines.at(-1) ?? "{}") as { code?: unknown }).code;
}

async function waitForStart(runtime: Runtime, id: string, child: ChildProcess): Promise<void> {
  const record = join(runtime.root, id, "state.json");
  const isRunning = (): boolean => existsSync(record) && runtime.record(id).status === "running";
  const seen = await seenWithin(HANG_MS, () => isRunning() || child.exitCode !== null || undefined);
  if (child.exitCode === null && seen) return;
  throw new Error(`not running: ${(await runtime.call(["state", id])).stderr}`);
}

async function within<T>(timeoutMs: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`it hangs: no end within ${timeoutMs} ms`)), timeoutMs);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

function folderBytes(folder: string): number {
  return readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
}
