import { afterEach, beforeEach, expect, it } from "vitest";
import { atOnce, besideBusyLoops } from "./repeated.ts";
import { Runtime } from "./runtime.ts";
import { scaled } from "../fixtures/scaled.ts";

let runtime: Runtime;

beforeEach(() => {
  runtime = new Runtime();
});

afterEach(async () => {
  expect(await runtime.close()).toEqual([]);
});

it("runs 4 at once beside six busy loops", { timeout: scaled(300_000) }, () =>
  besideBusyLoops(() => atOnce(runtime, 4)),
);
