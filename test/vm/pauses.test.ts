import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, expect, it } from "vitest";
import { inside, started } from "./machine-checks.ts";
import { Runtime } from "./runtime.ts";
import { hasEnded, within } from "./victims.ts";

/** A VM that is paused in the middle of something: nobody waits for it, nothing is left, and the monitor lives. */
let runtime: Runtime;
let vm: string;

beforeEach(async () => {
  runtime = new Runtime();
  vm = runtime.id();
  await started(runtime, vm);
});
afterEach(async () => {
  expect(hasEnded(monitor())).toBe(false);
  await runtime.call(["vm-delete", "--force", vm]);
  expect(await runtime.close()).toEqual([]);
});

function monitor(): number {
  const text = readFileSync(join(runtime.root, vm, "vm.json"), "utf8");
  return (JSON.parse(text) as { vm: { monitorPid: number } }).vm.monitorPid;
}

/** A hook that says that it runs, waits until it may go on, and ends with a status. */
function waiting(status: number) {
  const at = join(runtime.root, ".at-hook");
  const go = join(runtime.root, ".go");
  const script = `echo >${at}; while [ ! -e ${go} ]; do sleep 0.1; done; exit ${status}`;
  return {
    hook: { path: "/bin/sh", args: ["sh", "-c", script] },
    begun: () => within(60_000, () => existsSync(at) || undefined),
    release: () => writeFileSync(go, ""),
  };
}

const status = (id: string): Promise<string> => runtime.ok(["state", "--short", id]);

async function knownToAgent(id: string): Promise<boolean> {
  const line = Buffer.from(`${JSON.stringify({ type: "state", id })}\n`);
  return (await runtime.call(["vm-agent", vm], { stdin: line })).stdout.includes('"success"');
}

it("while a poststart hook runs", async () => {
  const { hook, begun, release } = waiting(0);
  const { dir } = await runtime.bundle({ args: ["sleep", "1000000"], hooks: { poststart: [hook] } });
  const id = runtime.id();
  const made = runtime.detached(["run", "-d", "--vm", vm, "--bundle", dir, id]);
  await begun();
  await runtime.ok(["vm-pause", vm]);
  release();
  await made;
  expect(await status(id)).toBe("running (vm)\n");
  await runtime.ok(["vm-resume", vm]);
  expect(await runtime.ok(["exec", id, "echo", "on"])).toBe("on\n");
});

it("while a create fails", async () => {
  const { hook, begun, release } = waiting(1);
  const bundle = await runtime.bundle({
    args: ["sleep", "1000000"],
    hooks: { createRuntime: [hook] },
  });
  const id = runtime.id();
  const create = runtime.spawn(["create", "--vm", vm, "--bundle", bundle.dir, id]);
  const ended = once(create, "exit");
  await begun();
  await runtime.ok(["vm-pause", vm]);
  release();
  expect((await ended)[0]).toBe(1);
  await runtime.ok(["vm-resume", vm]);
  await bundle.edit((config) => delete config["hooks"]);
  await runtime.detached(["run", "-d", "--vm", vm, "--bundle", bundle.dir, id]);
  expect(await runtime.ok(["exec", id, "echo", "made"])).toBe("made\n");
});

it("while containers end", async () => {
  const { dir } = await runtime.bundle({ args: ["true"] });
  for (let round = 0; round < 6; round += 1) {
    const id = runtime.id();
    await runtime.detached(["run", "-d", "--vm", vm, "--bundle", dir, id]);
    await runtime.ok(["vm-pause", vm]);
    await runtime.ok(["vm-resume", vm]);
    await expect.poll(() => status(id)).toBe("stopped (vm)\n");
    await runtime.ok(["delete", id]);
  }
});

it("while a container is deleted, whose id is used again", async () => {
  const { id } = await inside(runtime, vm);
  await runtime.ok(["vm-pause", vm]);
  expect((await runtime.call(["delete", id])).stderr).toContain("that is not stopped: running");
  expect((await runtime.call(["kill", id, "KILL"])).stderr).toContain("vm-resume");
  await runtime.ok(["delete", "--force", id]);
  expect(await runtime.ok(["list", "-q"])).toBe("");
  const { dir } = await runtime.bundle({ args: ["sleep", "1000000"] });
  await runtime.detached(["run", "-d", "--mode=vm", "--bundle", dir, id]);
  await runtime.ok(["vm-resume", vm]);
  // The old one ends now, and must not be taken for the new one.
  await expect.poll(() => knownToAgent(id)).toBe(false);
  expect(await status(id)).toBe("running (vm)\n");
  await runtime.ok(["delete", "--force", id]);
  await runtime.detached(["run", "-d", "--vm", vm, "--bundle", dir, id]);
  expect(await runtime.ok(["exec", id, "echo", "again"])).toBe("again\n");
});

it("has the right time when it goes on", async () => {
  const { id } = await inside(runtime, vm);
  await runtime.ok(["vm-pause", vm]);
  await delay(5000);
  await runtime.ok(["vm-resume", vm]);
  const before = Math.floor(Date.now() / 1000);
  const guest = Number(await runtime.ok(["exec", id, "date", "+%s"]));
  expect(guest).toBeGreaterThanOrEqual(before - 1);
  expect(guest).toBeLessThanOrEqual(Date.now() / 1000 + 1);
});
