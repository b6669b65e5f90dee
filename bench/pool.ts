import { join } from "node:path";
import type { Measurement, Row } from "./measurement.ts";
import { timeProcess } from "./process.ts";
import type { Workbench } from "./workbench.ts";

/** Other runtimes that run the same bundle, with their flags: on the host's kernel, and on one in user space. A container of ours has no network. */
const OTHERS: ReadonlyMap<string, readonly string[]> = new Map([
  ["runc", []],
  ["runsc", ["--network=none"]],
]);

/** Its own choice, a disk, is made for its container: such a VM cannot wait for one. */
const FIRECRACKER_SHARE = ["--vm-share=9p-vsock"];

/** `run` of /bin/true in a VM that waits, beside runtimes without a VM, by turns. */
export const pool: Measurement = {
  name: "pool",
  async measure(bench, runs) {
    const bundle = await bench.bundle(["/bin/true"]);
    const share = bench.vmm === "firecracker" ? FIRECRACKER_SHARE : [];
    const flags = ["vm-pool", "start", "--size=1", ...bench.vmFlags, ...share];
    const others = new Map<string, number[]>();
    for (const name of OTHERS.keys()) if (await runOther(bench, name, bundle)) others.set(name, []);
    const pooled: number[] = [];
    try {
      for (let run = 0; run <= runs; run += 1) {
        // Waits until the VM that the last run has taken is replaced.
        await bench.call(...flags);
        const id = bench.newId();
        const { wallMs } = await bench.run(bundle, id, "--vm-start=pool", ...share);
        await bench.remove(id);
        const beside: (number | undefined)[] = [];
        for (const name of others.keys()) beside.push(await runOther(bench, name, bundle));
        // The first of each fills the page cache.
        if (run === 0) continue;
        pooled.push(wallMs);
        [...others.values()].forEach((samples, index) => samples.push(beside[index] ?? 0));
      }
    } finally {
      await bench.call("vm-pool", "stop");
    }
    return { rows: rowsOf(pooled, others) };
  },
};

function rowsOf(samples: number[], others: Map<string, number[]>): Row[] {
  const row = { what: "`run` of true in a VM that waits", unit: "ms", samples } as const;
  if (others.size === 0) return [row];
  return [...others].map(([name, baseline]) => ({
    ...row,
    baseline: { what: `${name} run`, samples: baseline },
    compare: "ratio",
    ...(name === "runsc" && { goal: { most: 1.3 } }),
  }));
}

/** @returns how long it took; undefined: it is not installed, or does not run here */
async function runOther(bench: Workbench, name: string, bundle: string): Promise<number | undefined> {
  const flags = OTHERS.get(name) ?? [];
  const args = ["--root", join(bench.states, name), ...flags, "run", "--bundle", bundle, bench.newId()];
  try {
    return (await timeProcess(name, args)).wallMs;
  } catch {
    return undefined;
  }
}
