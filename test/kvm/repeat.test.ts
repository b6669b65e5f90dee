import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { oneAfterTheOther } from "../vm/repeated.ts";
import { Runtime } from "../vm/runtime.ts";
import { flagsOf, VMMS } from "./matrix.ts";
import { scaled } from "../fixtures/scaled.ts";

/** Few in the lab, where each takes seconds; NK_TEST_RUNS=50 elsewhere. */
const RUNS = Number(process.env["NK_TEST_RUNS"] ?? 5);

describe.each(VMMS)("%s", (_title, vmm) => {
  let runtime: Runtime;

  beforeEach(() => {
    runtime = new Runtime(...flagsOf(vmm));
  });

  afterEach(async () => {
    expect(await runtime.close()).toEqual([]);
  });

  it(
    `runs ${RUNS} containers one after the other and leaves nothing`,
    { timeout: scaled(RUNS * 60_000) },
    () => oneAfterTheOther(runtime, RUNS),
  );
});
