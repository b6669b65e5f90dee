import { expect, it } from "vitest";
import { guestChange, guestResources } from "./guest-resources.ts";

it("hands limits on, and leaves out what is the host's", () => {
  const resources = {
    memory: { limit: 5, swap: 6, kernel: 7, reservation: 4 },
    cpu: { quota: 1, period: 2, burst: 8n, shares: 3, cpus: "0", mems: "0" },
    pids: { limit: 2n ** 63n - 1n },
    blockIO: {},
    network: {},
    unified: { "memory.high": "1" },
  };
  expect(guestResources(resources)).toEqual({
    memory: { limit: 5, reservation: 4 },
    cpu: { quota: 1, period: 2, shares: 3 },
    pids: { limit: 2n ** 63n - 1n },
    unified: { "memory.high": "1", "cpu.max.burst": "8" },
  });
});

it("leaves out what says that there is no limit", () => {
  const resources = {
    memory: { limit: 0, reservation: -1 },
    cpu: { quota: -1, period: 0, shares: 0 },
    pids: { limit: 0 },
  };
  expect(guestResources(resources)).toEqual({ memory: {}, cpu: {} });
  expect(guestResources({ pids: {} })).toEqual({ memory: {}, cpu: {} });
});

it("hands on what changes, and keeps words for no limit", () => {
  const change = {
    memory: { limit: -1, reservation: -1, swap: 5 },
    pids: { limit: -1 },
    blockIO: { weight: 9 },
  };
  expect(guestChange({}, change)).toEqual({ memory: { limit: -1, reservation: 0 }, pids: { limit: -1 } });
  expect(guestChange({}, { cpu: { cpus: "0" }, memory: { swap: -1 } })).toEqual({});
});

it.each([
  [{ quota: 5, period: 10, shares: 7 }, { quota: 5 }, { quota: 5, period: 10, shares: 7 }],
  [{ quota: -1 }, { quota: -1 }, { quota: -1, period: 100_000 }],
  [{ shares: 7, quota: 0 }, { shares: 7 }, { shares: 7 }],
])("hands all of %j on when %j of the CPU changes", (after, change, expected) => {
  expect(guestChange({ cpu: { ...after, cpus: "0" } }, { cpu: change })).toEqual({ cpu: expected });
});

it("changes the burst by the file that the kernel has for it", () => {
  expect(guestChange({ cpu: { quota: 5, burst: 2 } }, { cpu: { burst: 2 } })).toEqual({
    cpu: { quota: 5, period: 100_000 },
    unified: { "cpu.max.burst": "2" },
  });
});
