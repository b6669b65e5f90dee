import { defineConfig } from "vitest/config";
import { LongestFirst } from "./test/fixtures/longest-first.ts";
import { scaled } from "./test/fixtures/scaled.ts";

/** Where a project names none. They find what hangs, so they are far beyond what a busy machine takes: vitest's own, 1 s for `expect.poll`, are not. */
const LIMITS = {
  testTimeout: scaled(60_000),
  hookTimeout: scaled(60_000),
  expect: { poll: { timeout: scaled(20_000) } },
};

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      // One process for many files: to start one for each took four times as long as the tests. So they put back what they change of the process.
      { test: { ...LIMITS, name: "unit", include: ["src/**/*.test.ts"], isolate: false } },
      {
        test: {
          ...LIMITS,
          name: "integration",
          include: ["test/integration/**/*.test.ts"],
          maxWorkers: 2,
        },
      },
      {
        // Real virtual machines. One of them keeps one core busy; each test looks for left-overs of its own only.
        test: {
          ...LIMITS,
          name: "vm",
          include: ["test/vm/**/*.test.ts"],
          testTimeout: scaled(240_000),
          hookTimeout: scaled(240_000),
          maxWorkers: 2,
        },
      },
      {
        // Real virtual machines on KVM, that of the host or of the lab (docs/kvm-lab.md), where everything takes long.
        test: {
          ...LIMITS,
          name: "kvm",
          include: ["test/kvm/**/*.test.ts"],
          testTimeout: scaled(240_000),
          hookTimeout: scaled(240_000),
          fileParallelism: false,
        },
      },
      {
        // Run in the root of another distribution: scripts/lib/test-distros.sh.
        test: {
          ...LIMITS,
          name: "distros",
          include: ["test/distros/**/*.test.ts"],
          testTimeout: scaled(240_000),
          hookTimeout: scaled(240_000),
          fileParallelism: false,
        },
      },
      {
        // Under the real programs that people use; not part of `test.sh all`.
        test: {
          ...LIMITS,
          name: "real",
          include: ["test/real/**/*.test.ts"],
          testTimeout: scaled(240_000),
          hookTimeout: scaled(240_000),
          fileParallelism: false,
        },
      },
      {
        // Hours of use in some minutes; not part of `test.sh all`.
        test: {
          ...LIMITS,
          name: "soak",
          include: ["test/soak/**/*.test.ts"],
          testTimeout: scaled(3_600_000),
          hookTimeout: scaled(120_000),
          fileParallelism: false,
        },
      },
    ],
  },
});
