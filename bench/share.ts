import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { VHOST_VSOCK } from "../src/vm/qemu/share-device.ts";
import type { Measurement, Row } from "./measurement.ts";
import { timeProcess } from "./process.ts";
import type { Workbench } from "./workbench.ts";

/** Another kind of share is one more word. */
const SHARES = ["virtiofs", "9p", "9p-vsock", "block"];

/** What a kind needs of the host; without it, it is left out. */
const NEEDS: Readonly<Record<string, string>> = { "9p-vsock": VHOST_VSOCK };

const FILE_MIB = 32;
const SMALL_FILES = 300;

/** What bench/share-load.c prints, and what a value counts. */
const UNITS = {
  write: "MB/s",
  read: "MB/s",
  create: "files/s",
  list: "files/s",
  open: "files/s",
  remove: "files/s",
} as const;
const WORDS: Record<keyof typeof UNITS, string> = {
  write: `write ${FILE_MIB} MiB, fsync`,
  read: `read ${FILE_MIB} MiB`,
  create: `create ${SMALL_FILES} files of 1 KiB`,
  list: `list and stat ${SMALL_FILES} files`,
  open: `open and read ${SMALL_FILES} files`,
  remove: `remove ${SMALL_FILES} files`,
};
type Work = keyof typeof UNITS;
const WORKS = Object.keys(UNITS) as Work[];

/** One program on a folder of the container's tree, in the guest and on the host by turns. */
export const share: Measurement = {
  name: "share",
  async measure(bench, runs) {
    const rows: Row[] = [];
    const missing = SHARES.filter((kind) => !existsSync(NEEDS[kind] ?? "/"));
    for (const kind of missing) process.stderr.write(`${kind} is left out: no ${NEEDS[kind]} on this host\n`);
    for (const kind of SHARES)
      if (!missing.includes(kind)) rows.push(...(await measureShare(bench, runs, kind)));
    return { rows };
  },
};

async function measureShare(bench: Workbench, runs: number, kind: string): Promise<Row[]> {
  const bundle = await bench.bundle(["sleep", "1000000"], ["share-load"]);
  const folder = join(bundle, "rootfs/load");
  mkdirSync(folder);
  // A file for every turn, there before the VM: the guest must not have read it before.
  for (let run = 0; run < runs; run += 1)
    writeFileSync(join(folder, `read-${run}`), randomBytes(FILE_MIB << 20));
  const rows = Object.fromEntries(WORKS.map((work) => [work, row(kind, work)])) as Record<
    Work,
    ReturnType<typeof row>
  >;
  const box = await bench.background(bundle, [`--vm-share=${kind}`]);
  for (let run = 0; run < runs; run += 1) {
    const args = [String(run), String(FILE_MIB), String(SMALL_FILES)];
    const host = await timeProcess(bench.program("share-load"), [folder, ...args]);
    const guest = await bench.call("exec", box, "share-load", "/load", ...args);
    for (const work of WORKS) {
      rows[work].baseline.samples.push(rateOf(host.output, work));
      rows[work].samples.push(rateOf(guest.output, work));
    }
  }
  await bench.remove(box);
  return Object.values(rows);
}

function row(kind: string, work: Work): Row & { baseline: { what: string; samples: number[] } } {
  return {
    what: `${kind}: ${WORDS[work]}`,
    unit: UNITS[work],
    samples: [],
    baseline: { what: "the same folder on the host", samples: [] },
    compare: "ratio",
  };
}

/** The program prints "WORK MICROSECONDS". */
function rateOf(output: string, work: Work): number {
  const us = Number(new RegExp(`^${work} (\\d+)$`, "m").exec(output)?.[1]);
  if (!(us > 0)) throw new Error(`share-load: expected "${work} MICROSECONDS", found ${output}`);
  return UNITS[work] === "MB/s" ? (FILE_MIB << 20) / us : (SMALL_FILES * 1e6) / us;
}
