import type { Measurement } from "./measurement.ts";
import { processUse, vmProcesses } from "./process-memory.ts";

/** What a container in a VM costs the host in memory beyond the guest's own, by process, when it has just been started. */
export const memory: Measurement = {
  name: "memory",
  async measure(bench, runs) {
    const bundle = await bench.bundle(["sleep", "1000000"]);
    const samples = new Map<string, number[]>();
    const add = (name: string, pssKib: number): void => {
      samples.set(name, [...(samples.get(name) ?? []), pssKib / 1024]);
    };
    for (let run = 0; run < runs; run += 1) {
      const id = await bench.background(bundle);
      const record = bench.record(id);
      let allKib = 0;
      for (const [name, pid] of Object.entries(vmProcesses(record))) {
        const { pssKib } = processUse(pid, record.vm?.memSizeMib ?? 0);
        add(name === "QEMU" ? "QEMU without the guest's memory" : name, pssKib);
        allKib += pssKib;
      }
      add("all of it", allKib);
      await bench.remove(id);
    }
    return {
      rows: [...samples].map(([name, values]) => ({
        what: `memory: ${name}`,
        unit: "MiB" as const,
        samples: values,
      })),
    };
  },
};
