import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, loadavg, release } from "node:os";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { cli } from "./cli.ts";
import type { Findings, Measurement } from "./measurement.ts";
import { memory } from "./memory.ts";
import { net } from "./net/net.ts";
import { pool } from "./pool.ts";
import { formatTable, resultOf, type Result } from "./report.ts";
import { share } from "./share.ts";
import { start } from "./start.ts";
import { streams } from "./streams.ts";
import { Workbench } from "./workbench.ts";

/**
 * Measures VM mode (docs/performance.md): node build/bench.cjs [-n RUNS] [--only NAME,…] [--kernel PATH] [--accel tcg|kvm|auto]
 * [--vmm qemu|firecracker] [--output PATH] [--lab]
 */
const MEASUREMENTS: readonly Measurement[] = [start, pool, cli, streams, share, memory, net];
/** Where the clock counts instructions: copies of bytes and memory are not what such a clock can tell. */
const LAB_MEASUREMENTS: readonly Measurement[] = [start, pool, cli];

const { values: options } = parseArgs({
  options: {
    runs: { type: "string", short: "n", default: "5" },
    only: { type: "string" },
    kernel: { type: "string" },
    accel: { type: "string", default: "auto" },
    vmm: { type: "string", default: "qemu" },
    output: { type: "string", default: "build/bench/vm.json" },
    lab: { type: "boolean", default: false },
  },
});

function chosen(): readonly Measurement[] {
  const all = options.lab ? LAB_MEASUREMENTS : MEASUREMENTS;
  if (options.only === undefined) return all;
  return options.only.split(",").map((name) => {
    const found = all.find((measurement) => measurement.name === name);
    if (found) return found;
    const names = all.map((measurement) => measurement.name).join(", ");
    throw new Error(`--only: expected some of ${names}, found ${name}`);
  });
}

function machine(): Record<string, unknown> {
  return {
    kernel: release(),
    cpu: cpus()[0]?.model,
    cpus: cpus().length,
    node: process.version,
    loadAverage: loadavg().map((load) => Number(load.toFixed(2))),
  };
}

async function main(): Promise<void> {
  const runs = Number(options.runs);
  if (!Number.isInteger(runs) || runs < 1)
    throw new Error(`-n must be a number of runs, found ${options.runs}`);
  const measurements = chosen();
  const before = machine();
  const bench = new Workbench(options.vmm, [
    `--vm-vmm=${options.vmm}`,
    // The bare VMM has no network card either.
    "--vm-net=none",
    `--vm-accel=${options.accel}`,
    ...(options.kernel === undefined ? [] : [`--vm-kernel=${options.kernel}`]),
  ]);
  const found: Record<string, Findings & { rows: Result[] }> = {};
  try {
    for (const { name, measure } of measurements) {
      process.stderr.write(`  measuring: ${name}\n`);
      const findings = await measure(bench, runs);
      found[name] = { ...findings, rows: findings.rows.map(resultOf) };
    }
  } finally {
    await bench.close();
    // Also when a later one failed: the others took minutes.
    report(found, { before, after: machine() });
  }
}

function report(
  found: Record<string, Findings & { rows: Result[] }>,
  machines: Record<string, unknown>,
): void {
  const all = Object.values(found);
  console.log(formatTable(all.flatMap(({ rows }) => rows)));
  for (const { notes = [] } of all) for (const note of notes) console.log(note);
  const measurements = Object.entries(found).map(([name, { rows, details }]) => ({ name, rows, ...details }));
  mkdirSync(dirname(options.output), { recursive: true });
  const result = { date: new Date().toISOString(), machine: machines, measurements };
  writeFileSync(options.output, `${JSON.stringify(result, null, 2)}\n`);
  console.log(
    `load average ${loadavg()[0]?.toFixed(1)} on ${cpus().length} CPUs; written to ${options.output}`,
  );
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
