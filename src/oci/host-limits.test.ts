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

it("reads CPUs, memory nodes and disks of the host", () => {
  const device = { major: 8n, minor: 0 };
  const resources = {
    cpu: { cpus: "0-1", mems: "" },
    blockIO: {
      weight: 500,
      weightDevice: [
        { ...device, weight: 10 },
        { ...device, leafWeight: 3 },
      ],
      throttleReadBpsDevice: [{ ...device, rate: 2n ** 60n }],
      throttleWriteIOPSDevice: [{ ...device, rate: 7 }],
    },
  };
  expect(vmLimits({ linux: { resources } }, 384)).toEqual({
    cpuset: { cpus: "0-1", mems: undefined },
    blockIo: {
      weights: [
        { device: undefined, weight: 500 },
        { device: "8:0", weight: 10 },
      ],
      rates: [
        { device: "8:0", kind: "rbps", rate: 2n ** 60n },
        { device: "8:0", kind: "wiops", rate: 7 },
      ],
    },
  });
  const none = { cpu: { cpus: "" }, blockIO: { weight: 0, weightDevice: [] } };
  expect(vmLimits({ linux: { resources: none } }, 384)).toEqual({});
});

it("changes which CPUs there are, and leaves the quota alone", () => {
  const change = { cpu: { cpus: "1" } };
  const after = changed({ cpu: { quota: 50_000 } }, change);
  expect(changedVmLimits(after, change, 384)).toEqual({ cpuset: { cpus: "1", mems: undefined } });
});
