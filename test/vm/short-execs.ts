import { expect } from "vitest";
import type { Runtime } from "./runtime.ts";

/** Runs many short execs, two at a time, and expects the line of each. */
export async function loseNoLine(runtime: Runtime, id: string, count: number): Promise<void> {
  const lines: string[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < count; index = next++) {
      lines[index] = await runtime.ok(["exec", id, "echo", `line ${index}`]);
    }
  };
  await Promise.all([worker(), worker()]);
  expect(lines).toEqual(Array.from({ length: count }, (_, index) => `line ${index}\n`));
}
