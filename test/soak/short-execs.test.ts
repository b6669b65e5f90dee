import { afterEach, beforeEach, expect, it } from "vitest";
import { Runtime } from "../vm/runtime.ts";
import { loseNoLine } from "../vm/short-execs.ts";

let runtime: Runtime;

beforeEach(() => {
  runtime = new Runtime();
});

afterEach(async () => {
  expect(await runtime.close()).toEqual([]);
});

it("loses no line of a thousand short execs", async () => {
  await loseNoLine(runtime, await runtime.background(), 1000);
});
