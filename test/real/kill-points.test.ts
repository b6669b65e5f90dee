import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { commandLine, laterProcesses } from "../vm/processes.ts";
import { findVictim, hasEnded, processesOf } from "../vm/victims.ts";
import { Podman, RUNTIMES } from "./podman.ts";
import { conmons, standing } from "./standing.ts";

/** What podman does to a container at any point of its life, and the death of conmon: `podman rm --force` removes all of it. */

const NAME = "box";

let podman: Podman;
let before: string[];

beforeAll(async () => {
  podman = await Podman.make("netavark", { runtime: RUNTIMES.vm.path, settings: {} });
  // podman makes its own folders and rules with the first one.
  await podman.run(NAME, podman.inCgroup);
  await podman.ok("exec", NAME, "true");
  await podman.ok("rm", "--force", "--time", "0", NAME);
});

afterAll(() => podman[Symbol.asyncDispose]());

beforeEach(async () => {
  await expect.poll(() => conmons(podman.folder)).toEqual([]);
  before = await look();
});

afterEach(async () => {
  podman.haltAt(undefined);
  for (const { pid, state } of processesOf(podman.folder)) if (state === "T") process.kill(pid, "SIGKILL");
  await podman.call("rm", "--force", "--ignore", "--time", "0", NAME);
});

const look = (): Promise<string[]> => standing(podman);

const run = (): Promise<unknown> =>
  podman.call("run", "-d", "--name", NAME, ...podman.inCgroup, "box", "sleep", "1000000");

function conmon(): number {
  const found = laterProcesses().find(({ pid }) => {
    const [program = "", ...words] = commandLine(pid);
    return (
      program.endsWith("conmon") && words.includes(podman.runtime) && words[words.indexOf("-n") + 1] === NAME
    );
  });
  if (found === undefined) throw new Error("conmon is not there");
  return found.pid;
}

const CONMON = "SIGKILL to conmon";

/** What is done; a command of podman may have to wait for another one. */
const ACTIONS: Record<string, () => Promise<unknown>> = {
  "podman kill": () => podman.call("kill", NAME),
  "podman rm --force": () => podman.call("rm", "--force", "--time", "0", NAME),
  [CONMON]: async () => {
    const pid = conmon();
    process.kill(pid, "SIGKILL");
    await expect.poll(() => hasEnded(pid)).toBe(true);
  },
};

/** Does it while somebody stands at a step, and lets that one go on. */
async function act(action: string): Promise<void> {
  const halted = await findVictim(podman.folder, "halted");
  podman.haltAt(undefined);
  const done = ACTIONS[action]?.();
  // A command of podman may wait for whoever stands there; who is killed waits for nobody.
  if (action === CONMON) await done;
  if (!hasEnded(halted)) process.kill(halted, "SIGCONT");
  await done;
}

async function expectNothing(action: string): Promise<void> {
  await podman.ok("rm", "--force", "--ignore", "--time", "0", NAME);
  const lookAgain = async (): Promise<string[]> => {
    // When conmon has died podman does not call `delete`, with runc neither.
    if (action === CONMON) await promisify(execFile)(podman.runtime, ["gc"]);
    return look();
  };
  await expect.poll(lookAgain).toEqual(before);
}

/** Of `create` and `start`. */
const BEFORE_IT_RUNS = [
  "read the bundle",
  "holder: namespaces made",
  "start the VMM",
  "boot until the agent's hello",
  "join the sandbox",
  "create the container",
  "ask the monitor",
  "start the container",
];

describe.each(Object.keys(ACTIONS))("%s", (action) => {
  it.each(BEFORE_IT_RUNS)("at: %s", async (step) => {
    podman.haltAt(step);
    const going = run();
    await act(action);
    await going;
    await expectNothing(action);
  });

  it("while it runs", async () => {
    await run();
    await ACTIONS[action]?.();
    await expectNothing(action);
  });

  it("while an exec is made", async () => {
    await run();
    podman.haltAt("launcher: command started");
    const going = podman.call("exec", NAME, "sleep", "1000000");
    await act(action);
    await expectNothing(action);
    await going;
  });

  it("while the guest is shut down", async () => {
    podman.haltAt("shut the guest down");
    await run();
    const going = podman.call("stop", "--time", "0", NAME);
    await act(action);
    await going;
    await expectNothing(action);
  });
});
