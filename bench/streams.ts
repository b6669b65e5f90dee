import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Measurement, Row } from "./measurement.ts";
import { timeProcess } from "./process.ts";

const MIB = 1024 * 1024;
/** What more bytes take longer is their transfer: the start of the command is in both. */
const FEW_BYTES = 8 * MIB;
const MANY_BYTES = 136 * MIB;
const BLOCK_BYTES = 64 * 1024;

/** Bytes through an exec session's standard streams, beside the same programs with a pipe on the host. */
export const streams: Measurement = {
  name: "streams",
  async measure(bench, runs) {
    const box = await bench.background(await bench.bundle(["sleep", "1000000"]));
    const file = join(bench.folder, "input");
    writeFileSync(file, randomBytes(MANY_BYTES));
    const exec = bench.words("exec", box).join(" ");
    const write = (bytes: number): string => `dd if=/dev/zero bs=${BLOCK_BYTES} count=${bytes / BLOCK_BYTES}`;
    const read = `dd of=/dev/null bs=${BLOCK_BYTES}`;
    const send = (bytes: number): string => `head -c ${bytes} ${file}`;
    const rows = [row("standard output of a container"), row("standard input of a container")] as const;
    const [out, input] = rows;
    for (let run = 0; run < runs; run += 1) {
      out.baseline.samples.push(await throughput((bytes) => `${write(bytes)} | cat >/dev/null`));
      out.samples.push(await throughput((bytes) => `${exec} ${write(bytes)} | cat >/dev/null`));
      input.baseline.samples.push(await throughput((bytes) => `${send(bytes)} | ${read}`));
      input.samples.push(await throughput((bytes) => `${send(bytes)} | ${exec} ${read}`));
    }
    await bench.remove(box);
    return { rows: [...rows] };
  },
};

function row(what: string): Row & { baseline: { what: string; samples: number[] } } {
  return {
    what,
    unit: "MB/s",
    samples: [],
    baseline: { what: "a pipe on the host", samples: [] },
    compare: "ratio",
    goal: { least: 150 },
  };
}

/** MB/s, the start of the commands left out. */
async function throughput(pipeline: (bytes: number) => string): Promise<number> {
  const time = async (bytes: number): Promise<number> =>
    (await timeProcess("sh", ["-c", pipeline(bytes)])).wallMs;
  const fewMs = await time(FEW_BYTES);
  const manyMs = await time(MANY_BYTES);
  return (MANY_BYTES - FEW_BYTES) / 1000 / (manyMs - fewMs);
}
