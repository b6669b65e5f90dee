import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { NkError } from "../../base/errors.ts";
import type { GuestSpec } from "./guest.ts";
import { MicroVm } from "./microvm.ts";

const unhandled: unknown[] = [];
const note = (reason: unknown): void => void unhandled.push(reason);
let others: NodeJS.UnhandledRejectionListener[];

beforeEach(() => {
  others = process.listeners("unhandledRejection");
  process.removeAllListeners("unhandledRejection").on("unhandledRejection", note);
});

afterEach(() => {
  process.off("unhandledRejection", note);
  for (const listener of others) process.on("unhandledRejection", listener);
});

test("a guest that dies before it has told its kernel's log does not end the monitor", async () => {
  const microvm = new MicroVm({ stateDir: "/nowhere" } as GuestSpec);
  const lost = new NkError("AGENT", "the agent closed its connection");
  Reflect.set(microvm, "booted", { traceKernel: () => Promise.reject(lost) });
  microvm.traceKernel();
  await nextTurn();
  await nextTurn();
  expect(unhandled).toEqual([]);
  await microvm.kernelTraced();
});
