import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import type { Runtime } from "./runtime.ts";

/** The life of a container by the commands of the OCI command line, its state looked at after each. */
export async function livesAsWithRunc(runtime: Runtime): Promise<void> {
  const { dir } = await runtime.bundle({ args: ["sleep", "1000"] });
  const id = runtime.id();
  const pidFile = join(dir, "pid");
  const state = async (): Promise<Record<string, unknown>> => JSON.parse(await runtime.ok(["state", id]));

  await runtime.detached([
    "create",
    "--mode=vm",
    ...runtime.flags,
    "--bundle",
    dir,
    "--pid-file",
    pidFile,
    id,
  ]);
  const created = await state();
  expect(created).toMatchObject({ id, status: "created", bundle: dir });
  expect(readFileSync(pidFile, "utf8")).toBe(String(created["pid"]));
  expect(existsSync(`/proc/${String(created["pid"])}`)).toBe(true);
  expect(await runtime.ok(["exec", id, "echo", "before its start"])).toBe("before its start\n");

  expect((await runtime.call(["pause", id])).stderr).toContain(
    "cannot pause a container in a VM before its start",
  );
  await runtime.ok(["start", id]);
  expect(await state()).toMatchObject({ status: "running" });
  expect(await runtime.ok(["state", "--short", id])).toBe("running (vm)\n");
  await runtime.ok(["pause", id]);
  expect(await state()).toMatchObject({ status: "paused" });
  await runtime.ok(["resume", id]);

  await runtime.ok(["kill", id, "KILL"]);
  await expect.poll(async () => (await state())["status"]).toBe("stopped");
  expect(await state()).toMatchObject({ pid: 0 });
  await runtime.ok(["delete", id]);
  expect(await runtime.call(["state", id])).toMatchObject({ code: 1 });
}

/** The limit of a container's memory is kept, and what happened is noted. */
export async function killsWhoEatsMemory(runtime: Runtime, ...flags: string[]): Promise<void> {
  const { dir } = await runtime.bundle({
    args: ["sh", "-c", "tail /dev/zero"],
    linux: { resources: { memory: { limit: 32 * 1024 * 1024 } } },
  });
  const id = runtime.id();
  const run = ["run", "--mode=vm", ...runtime.flags, ...flags, "--keep", "--bundle", dir, id];
  expect((await runtime.call(run)).code).toBe(137);
  const state = JSON.parse(await runtime.ok(["state", id])) as object;
  expect(state).toMatchObject({ status: "stopped", exitStatus: 137, oomKilled: true });
}
