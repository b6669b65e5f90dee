import { bareVm, makeBareInitramfs } from "./bare-vm.ts";
import type { Findings, Measurement } from "./measurement.ts";
import { formatPhases, phasesOf, readTrace, type TracedRun } from "./phases.ts";
import { timeProcess } from "./process.ts";
import { median } from "./statistics.ts";
import type { Workbench } from "./workbench.ts";

/** `run` of /bin/true in a new VM beside the bare VMM that boots the same kernel to its restart, and `exec` of it in a VM that runs. */
export const start: Measurement = {
  name: "start",
  async measure(bench, runs) {
    const bundle = await bench.bundle(["/bin/true"]);
    // Not counted: it fills the page cache, and finds out once whether KVM works.
    const { record } = await tracedRun(bench, bundle);
    if (record.vm === undefined) throw new Error("the warm-up did not run in a VM");
    const { kernel } = record.vm;
    const bare = bareVm(
      record.vm,
      kernel,
      makeBareInitramfs(bench.program("bare-init"), bench.folder),
      bench.folder,
    );
    const box = await bench.background(await bench.bundle(["sleep", "1000000"]));
    await bench.call("exec", box, "true");

    const samples = { bare: [] as number[], cold: [] as number[], exec: [] as number[] };
    const traces: TracedRun[] = [];
    for (let run = 0; run < runs; run += 1) {
      samples.bare.push((await timeProcess(bare.command, bare.args)).wallMs);
      const cold = await tracedRun(bench, bundle);
      samples.cold.push(cold.wallMs);
      traces.push(cold);
      samples.exec.push((await bench.call("exec", box, "true")).wallMs);
    }
    await bench.remove(box);
    return findings(samples, traces, bare.name, { vm: record.vm, kernel });
  },
};

function findings(
  { bare, cold, exec }: Record<"bare" | "cold" | "exec", number[]>,
  traces: readonly TracedRun[],
  vmm: string,
  details: Record<string, unknown>,
): Findings {
  const phases = phasesOf(traces);
  const coldRun = "cold `run` of true";
  return {
    rows: [
      {
        what: coldRun,
        unit: "ms",
        samples: cold,
        baseline: { what: `bare ${vmm}, boot to the end`, samples: bare },
        compare: "ratio",
        goal: { most: 1.9 },
      },
      {
        what: "`exec` of true",
        unit: "ms",
        samples: exec,
        baseline: { what: coldRun, samples: cold },
        compare: "ratio",
        goal: { most: 0.1 },
      },
    ],
    notes: ["Where the time of a cold run goes (medians, ms):", formatPhases(phases, median(cold))],
    details: { ...details, phases },
  };
}

/** A run whose state is kept until it is read: what the monitor recorded, and which VM it was. */
async function tracedRun(bench: Workbench, bundle: string) {
  const id = bench.newId();
  const startNs = process.hrtime.bigint();
  const { wallMs } = await bench.run(bundle, id);
  const spans = readTrace(bench.stateFile(id, "trace.jsonl"));
  const record = bench.record(id);
  await bench.remove(id);
  return { startNs, spans, record, wallMs };
}
