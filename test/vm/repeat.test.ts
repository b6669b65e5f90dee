import { afterEach, beforeEach, expect, it } from "vitest";
import { atOnce, besideBusyLoops, oneAfterTheOther } from "./repeated.ts";
import { Runtime } from "./runtime.ts";
import { scaled } from "../fixtures/scaled.ts";

let runtime: Runtime;

beforeEach(() => {
  runtime = new Runtime();
});

afterEach(async () => {
  expect(await runtime.close()).toEqual([]);
});

it("runs 10 containers one after the other", { timeout: scaled(300_000) }, () =>
  oneAfterTheOther(runtime, 10),
);
it("runs 10 containers at once", { timeout: scaled(300_000) }, () => atOnce(runtime, 10));
it("runs 4 at once beside six busy loops", { timeout: scaled(300_000) }, () =>
  besideBusyLoops(() => atOnce(runtime, 4)),
);
