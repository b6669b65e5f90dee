import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { afterEach, beforeEach, expect, it } from "vitest";
import { foreignDeath, isAlive } from "../../src/host/process-info.ts";
import { MARK } from "./residue.ts";
import { Runtime } from "./runtime.ts";
import { processesOf } from "./victims.ts";

/** What those who follow a container by its pid rely on: conmon waits until it has no child any more, and whoever holds a pipe of its caller holds that up. */
let runtime: Runtime;

beforeEach(() => {
  runtime = new Runtime();
});
afterEach(async () => {
  expect(await runtime.close()).toEqual([]);
});

/** Who has that file open, by pid, and as what. */
function holders(path: string): [number, string[]][] {
  return processesOf(runtime.root)
    .map(({ pid }): [number, string[]] => [pid, descriptorsOf(pid, path)])
    .filter(([, held]) => held.length > 0);
}

function descriptorsOf(pid: number, path: string): string[] {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).filter((fd) => {
    try {
      return readlinkSync(join(folder, fd)) === path;
    } catch {
      return false; // it has just been closed
    }
  });
}

it("has nobody but the shadow hold what the caller has open, and that as its standard streams alone", async () => {
  const { dir } = await runtime.bundle({ args: ["sleep", "1000000"] });
  const id = runtime.id();
  const output = join(runtime.root, ".output");
  const fd = openSync(output, "w");
  // Low ones, and one beyond those that node marks by itself.
  const others = Array.from({ length: 60 }, () => fd);
  const call = async (...words: string[]): Promise<void> => {
    const child = spawn(runtime.program, ["--root", runtime.root, ...words], {
      stdio: ["ignore", fd, fd, ...others],
      env: { ...process.env, [MARK]: runtime.root, NK_CONFIG_DIR: runtime.settings },
    });
    expect((await once(child, "close"))[0]).toBe(0);
  };
  await call("create", "--mode=vm", "--bundle", dir, id);
  const { pid } = runtime.record(id);
  expect(holders(output)).toEqual([[pid, ["1", "2"]]]);
  await call("start", id);
  const pidFile = join(runtime.root, ".exec.pid");
  await call("exec", "-d", "--pid-file", pidFile, id, "sleep", "1000");
  expect(holders(output).map(([, held]) => held)).toEqual([
    ["1", "2"],
    ["1", "2"],
  ]);
  closeSync(fd);
});

it("has VMM and servers end before the shadow, and monitor and holder at once after it", async () => {
  const id = await runtime.background();
  const { pid, pidStartTime, vm } = runtime.record(id);
  // Zombies are gone for whoever looks at them: the monitor has still to take their status.
  const living = (): number[] =>
    processesOf(runtime.root).flatMap((found) => (found.state === "Z" ? [] : [found.pid]));
  const own = [pid, vm?.monitorPid, vm?.holder?.pid];
  const others = living().filter((found) => !own.includes(found));
  expect(others.length).toBeGreaterThan(1);
  await runtime.ok(["kill", id, "KILL"]);
  while (isAlive(pid, pidStartTime)) await setImmediate();
  const left = living();
  expect(others.filter((found) => left.includes(found))).toEqual([]);
  for (const [last, startTime] of [
    [vm?.monitorPid, vm?.monitorStartTime],
    [vm?.holder?.pid, vm?.holder?.startTime],
  ])
    expect(await foreignDeath(last ?? 0, startTime ?? 0, 1000)).toBe(true);
});
