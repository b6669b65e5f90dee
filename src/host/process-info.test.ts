import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { foreignDeath, isAlive, parseStat, processStartTime } from "./process-info.ts";

test("counts fields after the last parenthesis of the name", () => {
  const fields = Array.from({ length: 50 }, (_, index) => String(index + 3));
  fields[0] = "S";
  expect(parseStat(`12 (a) S 1) b) ${fields.join(" ")}`)).toEqual({ state: "S", startTime: 22 });
  expect(parseStat("")).toBeUndefined();
});

test("knows its own process, and that a pid alone is not enough", () => {
  const startTime = processStartTime(process.pid) ?? 0;
  expect(startTime).toBeGreaterThan(0);
  expect(isAlive(process.pid, startTime)).toBe(true);
  expect(isAlive(process.pid, startTime + 1)).toBe(false);
});

test("there is no process 0, and none behind a pid that is not a number", () => {
  expect(processStartTime(0)).toBeUndefined();
  expect(processStartTime(Number.NaN)).toBeUndefined();
});

test("waits for a death, up to the deadline", async () => {
  const child = spawn("sleep", ["60"]);
  const pid = child.pid ?? 0;
  const startTime = processStartTime(pid) ?? 0;
  const exited = once(child, "exit");
  expect(await foreignDeath(pid, startTime, 30)).toBe(false);
  child.kill("SIGKILL");
  expect(await foreignDeath(pid, startTime, 5000)).toBe(true);
  await exited;
});
