import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import type { Runtime } from "./runtime.ts";

/** Makes and starts the VM `vm`. */
export async function started(runtime: Runtime, vm: string, ...flags: string[]): Promise<void> {
  await runtime.ok(["vm-create", ...runtime.flags, ...flags, vm]);
  await runtime.detached(["vm-start", vm]);
}

/** A container in the VM that goes on. */
export async function inside(runtime: Runtime, vm: string): Promise<{ id: string; rootfs: string }> {
  const { dir } = await runtime.bundle({ args: ["sleep", "1000000"] });
  const id = runtime.id();
  await runtime.detached(["run", "-d", "--vm", vm, "--bundle", dir, id]);
  return { id, rootfs: join(dir, "rootfs") };
}

/** Two containers in a running VM know nothing of each other, and an id is free once its container is gone. */
export async function shareKernelOnly(runtime: Runtime, vm: string): Promise<void> {
  const one = await inside(runtime, vm);
  const two = await inside(runtime, vm);
  const bootId = ["cat", "/proc/sys/kernel/random/boot_id"];
  expect(await runtime.ok(["exec", one.id, ...bootId])).toBe(await runtime.ok(["exec", two.id, ...bootId]));
  await runtime.ok(["exec", one.id, "sh", "-c", "echo one >/mark"]);
  expect(readFileSync(join(one.rootfs, "mark"), "utf8")).toBe("one\n");
  expect((await runtime.call(["exec", two.id, "cat", "/mark"])).code).toBe(1);
  expect(await runtime.ok(["exec", two.id, "ps"])).not.toContain("mark");

  await runtime.ok(["delete", "--force", one.id]);
  expect(await runtime.ok(["exec", two.id, "echo", "alive"])).toBe("alive\n");
  const { containers } = JSON.parse(await runtime.ok(["vm-state", "--format", "json", vm])) as {
    containers: unknown;
  };
  expect(containers).toEqual([{ id: two.id, status: "running" }]);
  // Its id is free, also in the VM.
  const again = await runtime.bundle({ args: ["cat", "/proc/sys/kernel/random/boot_id"] });
  const other = await runtime.ok(["run", "--vm", vm, "--bundle", again.dir, one.id]);
  expect(other).toBe(await runtime.ok(["exec", two.id, ...bootId]));
}

/** The VM as a whole; refused meanwhile is what needs it. */
export async function pausesAndGoesOn(runtime: Runtime, vm: string): Promise<void> {
  const { id } = await inside(runtime, vm);
  await runtime.ok(["vm-pause", vm]);
  expect(await runtime.ok(["vm-state", vm])).toBe("paused\n");
  const { dir } = await runtime.bundle();
  const refused = await runtime.call(["create", "--vm", vm, "--bundle", dir, runtime.id()]);
  expect(refused.stderr).toContain("vm-resume");
  expect((await runtime.call(["exec", id, "true"])).stderr).toContain("is paused");
  await runtime.ok(["vm-resume", vm]);
  expect(await runtime.ok(["exec", id, "echo", "on"])).toBe("on\n");
}

/** Console and cost of a VM with 256 MiB of memory, and how its agent answers. @param vmm what the VMM must have counted */
export async function showsItself(runtime: Runtime, vm: string, vmm: object): Promise<void> {
  expect(await runtime.ok(["vm-console", vm])).not.toBe("");
  // Ends with standard input.
  expect(await runtime.ok(["vm-console", "--attach", vm])).not.toBe("");
  const stats = JSON.parse(await runtime.ok(["vm-stats", "--format", "json", vm])) as {
    host: { processes: { role: string; pssKib: number }[] };
    vmm: object;
    guest: { memTotalKib: number };
  };
  expect(stats.vmm).toEqual(vmm);
  expect(stats.host.processes.map(({ role }) => role)).toEqual(expect.arrayContaining(["monitor", "VMM"]));
  expect(stats.guest.memTotalKib).toBeLessThan(256 * 1024);
  const lines = '{"type":"health"}\nnonsense\n{"type":"dance"}\n';
  const { code, stdout } = await runtime.call(["vm-agent", vm], { stdin: Buffer.from(lines) });
  expect(code).toBe(1);
  const answers = stdout.trim().split("\n");
  expect(answers.map((line) => JSON.parse(line) as unknown)).toMatchObject([
    { status: "success", health: "ready" },
    { status: "error", code: "BAD_REQUEST" },
    { status: "error", code: "UNSUPPORTED" },
  ]);
}
