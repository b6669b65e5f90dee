import { afterEach, beforeEach, expect, it } from "vitest";
import { atOnce, besideBusyLoops, oneAfterTheOther } from "../vm/repeated.ts";
import { Runtime } from "../vm/runtime.ts";

let runtime: Runtime;

beforeEach(() => {
  runtime = new Runtime();
});

afterEach(async () => {
  expect(await runtime.close()).toEqual([]);
});

it("runs 10 containers at once", () => atOnce(runtime, 10));
it("runs 25 containers one after the other beside six busy loops", () =>
  besideBusyLoops(() => oneAfterTheOther(runtime, 25)));
it("runs 10 containers at once beside six busy loops", () => besideBusyLoops(() => atOnce(runtime, 10)));
