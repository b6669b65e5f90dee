import { expect, it } from "vitest";
import type { OciConfig } from "./config.ts";
import { vmLimits } from "./host-limits.ts";

type Limits = NonNullable<NonNullable<OciConfig["linux"]>["resources"]> & object;

const of = (cpu: Limits["cpu"], memory: Limits["memory"], memSizeMib = 384) =>
  vmLimits({ linux: { resources: { cpu, memory } } }, memSizeMib);

it("holds a VM to its memory and what is beside it, where the container has a limit", () => {
  expect(of({}, { limit: 1024 ** 2 }).memoryBytes).toBe((384 + 256) * 1024 ** 2);
  expect(of({}, { limit: 0 }).memoryBytes).toBeUndefined();
  expect(of({}, { limit: 2n ** 63n - 1n }).memoryBytes).toBeUndefined();
});

it.each([
  [{ quota: 50_000 }, { quotaUs: 50_000, periodUs: 100_000, shares: undefined }],
  [
    { quota: 50_000, period: 0 },
    { quotaUs: 50_000, periodUs: 100_000, shares: undefined },
  ],
  [
    { quota: -1, period: 5000, shares: 1 },
    { quotaUs: undefined, periodUs: 5000, shares: 2 },
  ],
  [{ shares: 2n ** 63n }, { quotaUs: undefined, periodUs: 100_000, shares: 262_144 }],
  [{ quota: -1, shares: 0 }, undefined],
  [{}, undefined],
])("reads %o", (cpu, expected) => {
  expect(of(cpu, {}).cpu).toEqual(expected);
});
