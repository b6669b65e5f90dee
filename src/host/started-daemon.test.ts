import { expect, test } from "vitest";
import { exitIn, StartedDaemons } from "./started-daemon.ts";

test.each([
  ["an exit", "listening\n1792\n", { code: 7, signal: null }],
  ["a signal, with a core", "listening\n139\n", { code: null, signal: "SIGSEGV" }],
  ["nothing: who should have told was killed", "listening\n", { code: null, signal: "SIGKILL" }],
])("the status tells %s", (_, said, exit) => {
  expect(exitIn(said)).toEqual(exit);
});

test("without any there is none to take", () => {
  expect(new StartedDaemons(undefined).take("QEMU")).toBeUndefined();
});
