import { expect, it } from "vitest";
import { statsTable } from "./vm-stats.ts";

it("says the guest's load with two places, as uptime does", () => {
  const text = statsTable({
    host: { processes: [], totalPssKib: 0, totalCpuMs: 0 },
    vmm: { disks: [] },
    guest: { memTotalKib: 2048, memAvailableKib: 1024, load1: 0.17626953125 },
    containers: {},
  });
  expect(text).toMatch(/^guest: 1\.0 MiB of 2\.0 MiB available, load 0\.18$/m);
});
