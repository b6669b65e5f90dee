import { afterAll, beforeAll, expect, it } from "vitest";
import type { PoolView } from "../../src/pool/view.ts";
import { Runtime } from "../vm/runtime.ts";

const COUNT = 50;

let runtime: Runtime;

beforeAll(() => {
  runtime = new Runtime();
});

afterAll(async () => {
  await runtime.call(["vm-pool", "stop"]);
  expect(await runtime.close()).toEqual([]);
});

it(`${COUNT} VMs are taken by ${COUNT} runs at once, each by one`, async () => {
  const flags = ["--vm-memory=128"];
  await runtime.ok(["vm-pool", "start", `--size=${COUNT}`, ...flags]);
  const { dir } = await runtime.bundle({ args: ["cat", "/proc/sys/kernel/random/boot_id"] });
  const runs = Array.from({ length: COUNT }, () => runtime.runAgain(dir, ["--vm-start=pool", ...flags]));
  const results = await Promise.all(runs);
  expect(results.filter(({ code }) => code !== 0)).toEqual([]);
  expect(new Set(results.map(({ stdout }) => stdout)).size).toBe(COUNT);
  const status = async (): Promise<PoolView[]> =>
    JSON.parse(await runtime.ok(["vm-pool", "status", "--format", "json"])) as PoolView[];
  await expect
    .poll(status, { timeout: 600_000, interval: 1000 })
    .toMatchObject([{ waiting: COUNT, taken: 0 }]);
});
