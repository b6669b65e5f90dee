import { afterEach, beforeEach, expect, it } from "vitest";
import { Runtime } from "../vm/runtime.ts";
import { survivesAbuse } from "../vm/survives-abuse.ts";

let runtime: Runtime;

beforeEach(() => {
  runtime = new Runtime();
});

afterEach(async () => {
  expect(await runtime.close()).toEqual([]);
});

it("a container outlives twenty abuses of its monitor's socket of each kind", async () => {
  const id = await runtime.background();
  await survivesAbuse(runtime, id, id, 20);
});
