import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { abuses } from "./control-abuse.ts";
import { inside, started } from "./machine-checks.ts";
import { Runtime } from "./runtime.ts";

const CONNECTIONS = 1000;
const AT_ONCE = 40;

let runtime: Runtime;

beforeEach(() => {
  runtime = new Runtime();
});
afterEach(async () => {
  expect(await runtime.close()).toEqual([]);
});

function monitorOf(id: string): number {
  for (const file of ["vm.json", "state.json"]) {
    try {
      const text = readFileSync(join(runtime.root, id, file), "utf8");
      return (JSON.parse(text) as { vm: { monitorPid: number } }).vm.monitorPid;
    } catch {
      // The other kind.
    }
  }
  throw new Error(`no monitor of ${id}`);
}

const descriptorsOf = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;

/** All kinds in turn, several at once, until there have been 1,000. */
async function abuse(socketPath: string, id: string): Promise<void> {
  const kinds = abuses(id);
  let count = 0;
  const one = async (): Promise<void> => {
    while (count < CONNECTIONS) {
      const kind = kinds[count % kinds.length];
      count += 1;
      await kind?.(socketPath);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
}

async function survives(vm: string, id: string): Promise<void> {
  const pid = monitorOf(vm);
  expect(await runtime.ok(["exec", id, "echo", "before"])).toBe("before\n");
  const before = descriptorsOf(pid);
  await abuse(join(runtime.root, vm, "control.sock"), id);
  expect(monitorOf(vm)).toBe(pid);
  expect(await runtime.ok(["exec", id, "echo", "after"])).toBe("after\n");
  expect(await runtime.ok(["state", "--short", id])).toBe("running (vm)\n");
  // Execs of the abuse have ended, and with them what they held.
  await expect.poll(() => descriptorsOf(pid)).toBeLessThanOrEqual(before + 2);
  await expect.poll(async () => (await runtime.ok(["ps", id])).match(/cat/g)).toBeNull();
  expect(readFileSync(join(runtime.root, vm, "monitor.log"), "utf8")).not.toMatch(
    /^ +at |uncaught|unhandled/im,
  );
}

it("a container outlives a thousand abuses of its monitor's socket", async () => {
  const id = await runtime.background();
  await survives(id, id);
});

it("so does a VM made by hand, with the containers in it", async () => {
  const vm = runtime.id();
  await started(runtime, vm);
  const { id } = await inside(runtime, vm);
  await survives(vm, id);
  // Its id is taken, and nobody who claimed it has ended it.
  await runtime.ok(["delete", "--force", id]);
  await runtime.ok(["vm-delete", "--force", vm]);
});
