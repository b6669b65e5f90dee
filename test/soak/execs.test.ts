import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { ContainerRecord } from "../../src/state/record.ts";
import { Runtime } from "../vm/runtime.ts";
import { Readings } from "./readings.ts";

const EXECS = 500;
const WARM_UP = 200;
const LOOK_EVERY = 50;

let runtime: Runtime;

beforeEach(() => {
  runtime = new Runtime();
});

afterEach(async () => {
  expect(await runtime.close()).toEqual([]);
});

it(`costs no more after ${EXECS} execs in one container`, async () => {
  const id = await runtime.background();
  const record = JSON.parse(readFileSync(join(runtime.root, id, "state.json"), "utf8")) as ContainerRecord;
  const readings = new Readings("execs", WARM_UP);
  for (let count = 1; count <= EXECS; count += 1) {
    const outcome = await runtime.call(["exec", id, "echo", String(count)]);
    expect(outcome).toEqual({ code: 0, stdout: `${count}\n`, stderr: "" });
    if (count % LOOK_EVERY > 0) continue;
    readings.take(count, record, await runtime.ok(["exec", id, "cat", "/proc/meminfo"]));
  }
  readings.expectFlat();
});
