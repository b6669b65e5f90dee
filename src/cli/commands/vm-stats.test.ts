import { expect, it } from "vitest";
import { statsTable } from "./vm-stats.ts";

const stats = {
  host: { processes: [], totalPssKib: 0, totalCpuMs: 0 },
  vmm: { disks: [] },
};

it("says the guest's load with two places, as uptime does", () => {
  const guest = { memTotalKib: 2048, memAvailableKib: 1024, load1: 0.17626953125 };
  const text = statsTable({ ...stats, guest, containers: {} });
  expect(text).toMatch(/^guest: 1\.0 MiB of 2\.0 MiB available, load 0\.18$/m);
});

it.each([null, "x", [], {}, { memTotalKib: "1", memAvailableKib: -1, load1: null, memory: 1 }])(
  "shows what a guest does not say, or not as it should, as unknown: %j",
  (guest) => {
    const text = statsTable({ ...stats, guest, containers: { c1: guest } });
    expect(text).toContain("guest: unknown of unknown available, load unknown\n");
    expect(text).toContain("c1: unknown, unknown of CPU time in the guest\n");
  },
);
