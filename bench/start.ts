import { bareVm, makeBareInitramfs } from "./bare-vm.ts";
import type { Findings, Measurement } from "./measurement.ts";
import { Lab } from "./net/lab.ts";
import { formatPhases, phasesOf, readTrace, type TracedRun } from "./phases.ts";
import { timeProcess } from "./process.ts";
import { median } from "./statistics.ts";
import type { Workbench } from "./workbench.ts";

/** Of a VM with a network card, on a bridge of the host. */
const CARD = "--vm-net=tap";

type Samples = Record<"bare" | "exec", number[]>;
type Traces = Record<"cold" | "card", (TracedRun & { wallMs: number })[]>;

/**
 * `run` of /bin/true in a new VM beside the bare VMM that boots the same kernel to its restart, with a network card beside without, and `exec` of it in a VM
 * that runs.
 */
export const start: Measurement = {
  name: "start",
  async measure(bench, runs) {
    const lab = await Lab.make();
    const networked = bench.behind(lab.inside);
    try {
      return await measureStarts(bench, networked, runs);
    } finally {
      await networked.close();
      await lab.close();
    }
  },
};

/** @param networked runs in a network namespace of the bench's own */
async function measureStarts(bench: Workbench, networked: Workbench, runs: number): Promise<Findings> {
  const bundle = await bench.bundle(["/bin/true"]);
  // Not counted: it fills the page cache, and finds out once whether KVM works.
  const { record } = await tracedRun(bench, bundle);
  await tracedRun(networked, bundle, CARD);
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

  const samples: Samples = { bare: [], exec: [] };
  const traces: Traces = { cold: [], card: [] };
  for (let run = 0; run < runs; run += 1) {
    samples.bare.push((await timeProcess(bare.command, bare.args)).wallMs);
    traces.cold.push(await tracedRun(bench, bundle));
    traces.card.push(await tracedRun(networked, bundle, CARD));
    samples.exec.push((await bench.call("exec", box, "true")).wallMs);
  }
  await bench.remove(box);
  return findings(samples, traces, bare.name, { vm: record.vm, kernel });
}

function findings(
  { bare, exec }: Samples,
  traces: Traces,
  vmm: string,
  details: Record<string, unknown>,
): Findings {
  const phases = phasesOf(traces.cold);
  const phasesWithCard = phasesOf(traces.card);
  const cold = traces.cold.map(({ wallMs }) => wallMs);
  const card = traces.card.map(({ wallMs }) => wallMs);
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
        what: `the same with ${CARD}`,
        unit: "ms",
        samples: card,
        baseline: { what: coldRun, samples: cold },
        compare: "difference",
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
    notes: [
      "Where the time of a cold run goes (medians, ms):",
      formatPhases(phases, median(cold)),
      `The same with ${CARD}:`,
      formatPhases(phasesWithCard, median(card)),
    ],
    details: { ...details, phases, phasesWithCard },
  };
}

/** A run whose state is kept until it is read: what the monitor recorded, and which VM it was. */
async function tracedRun(bench: Workbench, bundle: string, ...flags: string[]) {
  const id = bench.newId();
  const startNs = process.hrtime.bigint();
  const { wallMs } = await bench.run(bundle, id, ...flags);
  const spans = readTrace(bench.stateFile(id, "trace.jsonl"));
  const record = bench.record(id);
  await bench.remove(id);
  return { startNs, spans, record, wallMs };
}
