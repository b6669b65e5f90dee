// The limits of the tests themselves: a slow host is given more time everywhere.
import { existsSync } from "node:fs";
import { afterEach, expect, test, vi } from "vitest";
import { LONG } from "../fixtures/longest-first.ts";

interface Limits {
  testTimeout: number;
  hookTimeout: number;
  expect: { poll: { timeout: number } };
}

afterEach(() => {
  vi.unstubAllEnvs();
  vi.resetModules();
});

/** Of all projects of vitest.config.ts, one after the other. */
async function limits(scale: string): Promise<number[]> {
  vi.stubEnv("NK_TIMEOUT_SCALE", scale);
  vi.resetModules();
  const { default: config } = await import("../../vitest.config.ts");
  const projects = (config.test?.projects ?? []) as unknown as { test: Limits }[];
  return projects.flatMap(
    ({
      test: {
        testTimeout,
        hookTimeout,
        expect: { poll },
      },
    }) => [testTimeout, hookTimeout, poll.timeout],
  );
}

test("vitest's own limits follow NK_TIMEOUT_SCALE, but are never shortened", async () => {
  const usual = await limits("1");
  expect(usual).toHaveLength(21);
  // A machine that is busy with something else keeps a process waiting for seconds.
  expect(Math.min(...usual)).toBeGreaterThanOrEqual(20_000);
  expect(await limits("4")).toEqual(usual.map((ms) => 4 * ms));
  expect(await limits("0.05")).toEqual(usual);
});

test("the files that are started first are there", () => {
  expect(LONG.filter((name) => !existsSync(`test/${name}.test.ts`))).toEqual([]);
});
