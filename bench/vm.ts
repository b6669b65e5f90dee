import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, release, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Span } from "../src/trace/channels.ts";
import type { ContainerRecord } from "../src/state/record.ts";
import { bareVm, makeBareInitramfs } from "./bare-vm.ts";
import { formatPhases, phasesOf, readTrace } from "./phases.ts";
import type { TracedRun } from "./phases.ts";
import { timeProcess } from "./process.ts";
import { median, summary } from "./statistics.ts";

/**
 * Cold `nk-runtime run --mode=vm` of /bin/true beside bare QEMU that boots the same kernel to a power-off, taking turns in
 * one run, because only numbers of the same minutes of the same machine can be compared.
 *   node build/bench.cjs [-n RUNS] [--kernel PATH] [--accel tcg|kvm|auto] [--share auto|9p|virtiofs]
 */
const GOAL_RATIO = 1.6;

const { values: options } = parseArgs({
  options: {
    runs: { type: "string", short: "n", default: "7" },
    kernel: { type: "string" },
    accel: { type: "string", default: "auto" },
    share: { type: "string", default: "auto" },
  },
});

const root = process.cwd();
const runtime = join(root, "bin/nk-runtime");
const work = mkdtempSync(join(tmpdir(), "nkb-"));
const stateRoot = join(work, "state");
const bundle = join(work, "bundle");
const vmFlags = [
  "--mode=vm",
  `--vm-accel=${options.accel}`,
  `--vm-share=${options.share}`,
  ...(options.kernel === undefined ? [] : [`--vm-kernel=${options.kernel}`]),
];

/** The container: one process that does nothing. */
async function makeBundle(): Promise<void> {
  await timeProcess(join(root, "examples/make-bundle.sh"), ["hello", bundle]);
  const path = join(bundle, "config.json");
  const config = JSON.parse(readFileSync(path, "utf8")) as { process: { args: string[] } };
  config.process.args = ["/bin/true"];
  writeFileSync(path, JSON.stringify(config));
}

async function coldRun(id: string): Promise<number> {
  return (await timeProcess(runtime, ["--root", stateRoot, "run", ...vmFlags, "--bundle", bundle, id]))
    .wallMs;
}

/** The same run, its state kept: what the monitor recorded, and which VM it was. */
async function tracedRun(id: string): Promise<TracedRun & { record: ContainerRecord }> {
  const startNs = process.hrtime.bigint();
  await timeProcess(runtime, ["--root", stateRoot, "run", "--keep", ...vmFlags, "--bundle", bundle, id]);
  const spans = readTrace(join(stateRoot, id, "trace.jsonl"));
  const record = JSON.parse(readFileSync(join(stateRoot, id, "state.json"), "utf8")) as ContainerRecord;
  await timeProcess(runtime, ["--root", stateRoot, "delete", "--force", id]);
  return { startNs, spans, record };
}

/** The kernel that QEMU was given, which need not be the one that was asked for (an unpacked bzImage). */
function kernelOf(spans: readonly Span[]): string | undefined {
  for (const { actor, what } of spans) {
    const path = actor === "vmm" ? / -kernel (\S+)/.exec(what ?? "")?.[1] : undefined;
    if (path !== undefined) return path;
  }
  return undefined;
}

async function main(): Promise<void> {
  const runs = Number(options.runs);
  if (!Number.isInteger(runs) || runs < 1)
    throw new Error(`-n must be a number of runs, found ${options.runs}`);
  await makeBundle();
  // Not counted: it fills the page cache, and finds out once whether KVM works.
  const { record, spans } = await tracedRun("warm-up");
  const kernel = kernelOf(spans);
  const vm = record.vm;
  if (vm === undefined || kernel === undefined) throw new Error("the warm-up did not run in a VM");
  const bare = bareVm(vm, kernel, makeBareInitramfs(join(root, "build/bench/poweroff"), work));
  await timeProcess(bare.command, bare.args);

  const coldMs: number[] = [];
  const bareMs: number[] = [];
  const traces: TracedRun[] = [];
  for (let run = 1; run <= runs; run += 1) {
    bareMs.push((await timeProcess(bare.command, bare.args)).wallMs);
    coldMs.push(await coldRun(`cold-${run}`));
    traces.push(await tracedRun(`traced-${run}`));
    process.stderr.write(`\r  run ${run} of ${runs}`);
  }
  process.stderr.write("\n");
  report({ vm, kernel, coldMs, bareMs, traces });
}

interface Results {
  vm: NonNullable<ContainerRecord["vm"]>;
  kernel: string;
  coldMs: number[];
  bareMs: number[];
  traces: TracedRun[];
}

function report({ vm, kernel, coldMs, bareMs, traces }: Results): void {
  const ratio = median(coldMs) / median(bareMs);
  const phases = phasesOf(traces);
  console.log(
    `kernel ${vm.kernelRelease} (${kernel}), ${vm.accel}, ${vm.share}, ${vm.memSizeMib} MiB, ${vm.vcpus} vCPU`,
  );
  console.log(`  bare QEMU, boot to power-off   ${summary(bareMs)}`);
  console.log(`  nk-runtime run true, cold      ${summary(coldMs)}`);
  console.log(`  ratio                          ${ratio.toFixed(2)} (goal: ${GOAL_RATIO} or less)`);
  console.log(formatPhases(phases, median(coldMs)));
  const host = { kernel: release(), cpu: cpus()[0]?.model, cpus: cpus().length, node: process.version };
  const result = { date: new Date().toISOString(), host, vm, kernel, coldMs, bareMs, ratio, phases };
  mkdirSync(join(root, "build/bench"), { recursive: true });
  const path = join(root, "build/bench/vm.json");
  writeFileSync(path, `${JSON.stringify(result, null, 2)}\n`);
  console.log(`written to ${path}`);
}

main()
  .catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  })
  .finally(() => rmSync(work, { recursive: true, force: true }));
