import { afterEach, beforeEach, expect, it } from "vitest";
import { inside, started } from "./machine-checks.ts";
import { Runtime } from "./runtime.ts";
import { survivesAbuse } from "./survives-abuse.ts";

/** Of each kind; more: test/soak. */
const TIMES = 2;

let runtime: Runtime;

beforeEach(() => {
  runtime = new Runtime();
});
afterEach(async () => {
  expect(await runtime.close()).toEqual([]);
});

it("a container outlives all abuses of its monitor's socket", async () => {
  const id = await runtime.background();
  await survivesAbuse(runtime, id, id, TIMES);
});

it("so does a VM made by hand, with the containers in it", async () => {
  const vm = runtime.id();
  await started(runtime, vm);
  const { id } = await inside(runtime, vm);
  await survivesAbuse(runtime, vm, id, TIMES);
  // Its id is taken, and nobody who claimed it has ended it.
  await runtime.ok(["delete", "--force", id]);
  await runtime.ok(["vm-delete", "--force", vm]);
});
