import { constants } from "node:os";
import { afterAll, beforeAll, expect, it } from "vitest";
import { residue } from "./residue.ts";
import { Runtime } from "./runtime.ts";
import { findVictim } from "./victims.ts";

let runtime: Runtime;
let dir: string;

beforeAll(async () => {
  runtime = new Runtime();
  ({ dir } = await runtime.bundle({ args: ["sleep", "1000000"] }));
});
afterAll(async () => {
  expect(await runtime.close()).toEqual([]);
});

/** Where a part of the runtime stands when the command gets the signal: itself, its helper or the monitor. */
const POINTS = {
  "before the claim": "read the bundle",
  "after the claim": "all of it, from shadow and monitor on",
  "while the shadow is made": "launcher: shadow prepared",
  "before the monitor runs": "monitor: before its program",
  "during the boot": "boot until the agent's hello",
};
const CALLS: ["SIGINT" | "SIGTERM" | "SIGHUP", string[]][] = [
  ["SIGINT", ["create"]],
  ["SIGTERM", ["run"]],
  ["SIGHUP", ["run", "-d"]],
];
const rows = Object.entries(POINTS).flatMap(([point, step]) =>
  CALLS.map(([signal, words]) => ({ point, step, signal, words, command: words.join(" ") })),
);

it.each(rows)("$command, $signal $point: says so and leaves nothing", async ({ step, signal, words }) => {
  const ended = await runtime.call([...words, "--mode=vm", "--bundle", dir, runtime.id()], {
    env: { NK_HALT_AT: step },
    during: (command) => void signalWhenHalted(command.pid ?? 0, signal),
  });
  expect(ended).toEqual({
    code: 128 + constants.signals[signal],
    stdout: "",
    stderr: `nk-runtime: ${signal} ended the container before it was created\n`,
  });
  expect(residue(runtime.traces())).toEqual([]);
});

async function signalWhenHalted(command: number, signal: NodeJS.Signals): Promise<void> {
  const halted = await findVictim(runtime.root, "halted");
  process.kill(command, signal);
  if (halted === command) process.kill(command, "SIGCONT");
}
