import { afterEach, beforeEach, expect, it } from "vitest";
import { residue } from "../vm/residue.ts";
import { Runtime } from "../vm/runtime.ts";
import { writeFigures } from "./figures.ts";

const CYCLES = 500;
const LOOK_EVERY = 50;

let runtime: Runtime;

beforeEach(() => {
  runtime = new Runtime();
});

afterEach(async () => {
  expect(await runtime.close()).toEqual([]);
});

/** A container's whole life by single commands; every second one is still running when it is deleted. */
async function cycle(bundle: string, id: string, stillRunning: boolean): Promise<void> {
  await runtime.detached(["create", "--mode=vm", "--bundle", bundle, id]);
  await runtime.ok(["start", id]);
  if (!stillRunning) await runtime.ok(["kill", id, "KILL"]);
  await runtime.ok(["delete", "--force", id]);
}

it(`leaves nothing behind in ${CYCLES} cycles from create to delete`, async () => {
  const { dir } = await runtime.bundle({ args: ["sleep", "1000000"] });
  const cycleMs: number[] = [];
  for (let count = 1; count <= CYCLES; count += 1) {
    const startMs = performance.now();
    await cycle(dir, runtime.id(), count % 2 === 0);
    cycleMs.push(Math.round(performance.now() - startMs));
    if (count % LOOK_EVERY > 0) continue;
    writeFigures("cycles", { cycles: count, cycleMs });
    expect(residue(runtime.traces()), `after ${count} cycles`).toEqual([]);
  }
});
