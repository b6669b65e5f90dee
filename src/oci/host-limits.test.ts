import { expect, it } from "vitest";
import type { OciConfig } from "./config.ts";
import { changedVmLimits, vmLimits } from "./host-limits.ts";
import { changed } from "./resource-change.ts";

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

it.each([
  [{ cpu: { quota: 50_000 } }, { cpu: { shares: 9 } }, { quotaUs: 50_000, periodUs: 100_000, shares: 9 }],
  [{ cpu: { quota: 50_000 } }, { cpu: { quota: -1 } }, { quotaUs: -1, periodUs: 100_000, shares: undefined }],
  [{ cpu: { period: 5000, shares: 4 } }, { cpu: { quota: -1 } }, { quotaUs: -1, periodUs: 5000, shares: 4 }],
  [{ cpu: { quota: 50_000 } }, { pids: { limit: 3 } }, undefined],
  [{ cpu: { quota: 50_000 } }, { cpu: { cpus: "0" } }, undefined],
])("of a container with %j, %j makes %j on the host", (before, change, expected) => {
  expect(changedVmLimits(changed(before, change), change, 384).cpu).toEqual(expected);
});

it("holds a VM to its memory when its container gets a limit, whatever it is", () => {
  expect(changedVmLimits({}, { memory: { limit: 1 } }, 384).memoryBytes).toBe((384 + 256) * 1024 ** 2);
  expect(changedVmLimits({}, { memory: { limit: -1 } }, 384).memoryBytes).toBeUndefined();
});
