import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { abuses, type Abuse } from "./control-abuse.ts";
import type { Runtime } from "./runtime.ts";

const AT_ONCE = 40;

function monitorOf(runtime: Runtime, id: string): number {
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

/** All kinds in turn, several at once, as often as it is said. */
async function abuse(socketPath: string, kinds: Abuse[], times: number): Promise<void> {
  const connections = times * kinds.length;
  let count = 0;
  const one = async (): Promise<void> => {
    while (count < connections) {
      const kind = kinds[count % kinds.length];
      count += 1;
      await kind?.(socketPath);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
}

/**
 * A container and its VM outlive every abuse of the control socket, the VM's monitor with no descriptor more than before.
 * @param vm the id of the container itself where the VM is its own
 * @param times each kind of abuse
 */
export async function survivesAbuse(runtime: Runtime, vm: string, id: string, times: number): Promise<void> {
  const pid = monitorOf(runtime, vm);
  expect(await runtime.ok(["exec", id, "echo", "before"])).toBe("before\n");
  const before = descriptorsOf(pid);
  await abuse(join(runtime.root, vm, "control.sock"), abuses(id), times);
  expect(monitorOf(runtime, vm)).toBe(pid);
  expect(await runtime.ok(["exec", id, "echo", "after"])).toBe("after\n");
  expect(await runtime.ok(["state", "--short", id])).toBe("running (vm)\n");
  // Execs of the abuse have ended, and with them what they held.
  await expect.poll(() => descriptorsOf(pid)).toBeLessThanOrEqual(before + 2);
  await expect.poll(async () => (await runtime.ok(["ps", id])).match(/cat/g)).toBeNull();
  expect(readFileSync(join(runtime.root, vm, "monitor.log"), "utf8")).not.toMatch(
    /^ +at |uncaught|unhandled/im,
  );
}
