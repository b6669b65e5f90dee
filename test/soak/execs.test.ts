import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { processUse, vmProcesses, type ProcessUse } from "../../bench/process-memory.ts";
import type { ContainerRecord } from "../../src/state/record.ts";
import { Runtime } from "../vm/runtime.ts";
import { writeFigures } from "./figures.ts";

const EXECS = 500;
/** Until then caches fill: QEMU's translated code (128 MiB), the heap of node, the guest's page cache. */
const WARM_UP = 200;
const LOOK_EVERY = 50;
/** The monitor may not have closed the connection of the last exec yet. */
const CLOSING_DESCRIPTORS = 1;
/** Noise of a garbage-collected heap. What one exec left behind 400 times over would be more: a single frame buffer is 64 KiB. */
const GROWTH_MAX_KIB = 6 * 1024;

interface Reading {
  execs: number;
  processes: Record<string, ProcessUse>;
  guestAvailableKib: number;
}

let runtime: Runtime;

beforeEach(() => {
  runtime = new Runtime();
});

afterEach(async () => {
  expect(await runtime.close()).toEqual([]);
});

function recordOf(id: string): ContainerRecord {
  return JSON.parse(readFileSync(join(runtime.root, id, "state.json"), "utf8")) as ContainerRecord;
}

async function read(id: string, execs: number): Promise<Reading> {
  const record = recordOf(id);
  const meminfo = await runtime.ok(["exec", id, "cat", "/proc/meminfo"]);
  const processes = Object.entries(vmProcesses(record)).map(
    ([name, pid]) => [name, processUse(pid, record.vm?.memSizeMib ?? 0)] as const,
  );
  return {
    execs,
    processes: Object.fromEntries(processes),
    guestAvailableKib: Number(/^MemAvailable: +(\d+) kB$/m.exec(meminfo)?.[1]),
  };
}

it(`costs no more after ${EXECS} execs in one container`, async () => {
  const id = await runtime.background();
  const readings: Reading[] = [];
  for (let count = 1; count <= EXECS; count += 1) {
    expect(await runtime.call(["exec", id, "echo", String(count)])).toEqual({
      code: 0,
      stdout: `${count}\n`,
      stderr: "",
    });
    if (count % LOOK_EVERY > 0) continue;
    readings.push(await read(id, count));
    writeFigures("execs", readings);
  }
  const first = readings.find(({ execs }) => execs >= WARM_UP);
  const last = readings.at(-1);
  if (first === undefined || last === undefined) throw new Error("nothing was read");
  expect(Object.keys(last.processes)).toEqual(Object.keys(first.processes));
  for (const [name, use] of Object.entries(last.processes)) {
    const before = first.processes[name];
    expect(use.descriptors - (before?.descriptors ?? 0), `more descriptors of ${name}`).toBeLessThanOrEqual(
      CLOSING_DESCRIPTORS,
    );
    expect(use.privateKib - (before?.privateKib ?? 0), `growth of ${name}, KiB`).toBeLessThan(GROWTH_MAX_KIB);
  }
  expect(first.guestAvailableKib - last.guestAvailableKib, "growth in the guest, KiB").toBeLessThan(
    GROWTH_MAX_KIB,
  );
});
