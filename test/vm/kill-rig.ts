import type { ChildProcess } from "node:child_process";
import { expect } from "vitest";
import { residue } from "./residue.ts";
import type { Runtime } from "./runtime.ts";
import { findVictim, hasEnded, processesOf, within, type Victim } from "./victims.ts";

/** Where a command is stopped (NK_HALT_AT, docs/recovery.md) while its victim is killed. */
export interface Point {
  step: string;
  victim: Victim;
  /** What `state` must say afterwards; "none": there is no such container. */
  status: string;
}

/** The victims of a step: those of each run of the tests, and those of test/soak. */
export interface Rows {
  usual: Point[];
  more: Point[];
}

type Statuses = Partial<Record<Victim, string>>;

export const points = (step: string, victims: Statuses): Point[] =>
  Object.entries(victims).map(([victim, status]) => ({ step, victim: victim as Victim, status }));

export const rows = (step: string, usual: Statuses, more: Statuses = {}): Rows => ({
  usual: points(step, usual),
  more: points(step, more),
});

export const named = (table: readonly Point[]): [string, Point][] =>
  table.map((point) => [`${point.victim} killed at: ${point.step}`, point]);

/** Longer than anything takes that a kill sets going, an orderly end of the VM too. */
const SETTLED_MS = 20_000;

/** What is looked at after a kill: a container, or a VM made by hand. */
export interface Subject {
  runtime: Runtime;
  /** "none" when there is no such thing. */
  status: () => Promise<string>;
  /** The statuses in which nothing runs. */
  ended: readonly string[];
  /** The command that removes it whatever its state. */
  remove: string[];
  /** What is to be done then, before nothing may be left. */
  last?: () => Promise<unknown>;
}

/** Kills the victim while the command stands at the step, lets everything else go on, and looks at what is left. */
export async function killAt(
  { runtime, status: statusNow, ended: still, remove, last }: Subject,
  { step, victim, status }: Point,
  args: string[],
): Promise<void> {
  const command = runtime.spawn(args, { NK_HALT_AT: step });
  const ended = endOf(command);
  const halted = await findVictim(runtime.root, "halted");
  const target = victim === "halted" ? halted : await findVictim(runtime.root, victim);
  process.kill(target, "SIGKILL");
  await within(SETTLED_MS, () => hasEnded(target) || undefined);
  if (target !== halted) process.kill(halted, "SIGCONT");
  await within(
    SETTLED_MS,
    () => !still.includes(status) || processesOf(runtime.root).length === 0 || undefined,
  );
  // What goes on may have a step to do before it is there.
  await expect.poll(statusNow, { interval: 50 }).toBe(status);
  expect(await runtime.call(remove)).toEqual({ code: 0, stdout: "", stderr: "" });
  await ended;
  await last?.();
  expect(residue(runtime.traces())).toEqual([]);
}

function endOf(command: ChildProcess): Promise<unknown> {
  for (const stream of [command.stdout, command.stderr]) stream?.resume();
  command.stdin?.end();
  return new Promise((resolve) => command.once("exit", resolve));
}

/** Ends what a failed row has left standing, which would fail the next. */
export async function clear({ runtime, remove }: Subject): Promise<void> {
  if (residue(runtime.traces()).length === 0) return;
  for (const { pid, state } of processesOf(runtime.root)) if (state === "T") process.kill(pid, "SIGKILL");
  await runtime.call(remove);
}
