import { expect, it } from "vitest";
import { guestResources } from "./guest-resources.ts";

it("hands limits on, and leaves out what is the host's", () => {
  const resources = {
    memory: { limit: 5, swap: 6, kernel: 7, reservation: 4 },
    cpu: { quota: 1, period: 2, shares: 3, cpus: "0", mems: "0" },
    pids: { limit: 2n ** 63n - 1n },
    blockIO: {},
    network: {},
    unified: { "memory.high": "1" },
  };
  expect(guestResources(resources)).toEqual({
    memory: { limit: 5, reservation: 4 },
    cpu: { quota: 1, period: 2, shares: 3 },
    pids: { limit: 2n ** 63n - 1n },
    unified: { "memory.high": "1" },
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
