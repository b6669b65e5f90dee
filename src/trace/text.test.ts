import { expect, test } from "vitest";
import { publishSpan } from "./channels.ts";
import type { Span } from "./channels.ts";
import { formatDebugLine, installDebugLog } from "./debug-log.ts";
import { formatStep, installEducational } from "./educational.ts";
import { guestClock } from "./guest-clock.ts";
import { formatDuration } from "./text.ts";

const span: Span = {
  actor: "vmm",
  name: "start QEMU",
  startNs: 1_000_000_000n,
  endNs: 1_012_345_678n,
  why: "The VM runs in its own process.",
  what: "qemu-system-x86_64 -M microvm",
};

test.each([
  [420_000n, "0.42 ms"],
  [12_345_678n, "12.3 ms"],
  [1_850_000_000n, "1.85 s"],
])("%d ns are %s", (ns, text) => expect(formatDuration(ns)).toBe(text));

test("a step says number, actor, name, time, why and what", () => {
  expect(formatStep(7, span, false).split("\n")).toEqual([
    `   7  vmm       ${"start QEMU".padEnd(50)}   12.3 ms`,
    "      why   The VM runs in its own process.",
    "      what  qemu-system-x86_64 -M microvm",
  ]);
});

test("a failed step shows its error, and several lines stay below each other", () => {
  const text = formatStep(1, { ...span, what: "one\ntwo", error: "no such file" }, false);
  expect(text).toContain("      what  one\n            two\n      error no such file");
});

test("colour only when asked for", () => {
  expect(formatStep(1, span, true)).toContain("\u001b[1m");
  expect(formatStep(1, span, false)).not.toContain("\u001b");
});

test("text of a guest cannot drive the terminal", () => {
  const step = formatStep(1, { ...span, name: "\u001b[2J", error: "\u009b31m" }, false);
  expect(step).not.toContain("\u001b");
  expect(step).not.toContain("\u009b");
});

test("steps are numbered in the order of their ends, until stopped", () => {
  const written: string[] = [];
  const stop = installEducational((text) => written.push(text));
  publishSpan(span);
  publishSpan({ ...span, name: "second" });
  stop();
  publishSpan({ ...span, name: "third" });
  expect(written.map((text) => text.slice(0, 26))).toEqual([
    "   1  vmm       start QEMU",
    "   2  vmm       second    ",
  ]);
});

test("the debug log has one line for a span", () => {
  const lines: string[] = [];
  const stop = installDebugLog((line) => lines.push(line));
  publishSpan(span);
  stop();
  expect(lines).toEqual(["vmm: start QEMU (12.3 ms): qemu-system-x86_64 -M microvm"]);
  expect(formatDebugLine({ ...span, what: "a\nb", error: "bad" })).toBe(
    "vmm: start QEMU (12.3 ms) failed: bad: a\\nb",
  );
});

test("guest times are host times once the hello has come", () => {
  const clock = guestClock(1_250_000, 5_000_000_000n);
  expect(clock.bootNs).toBe(3_750_000_000n);
  expect(clock.toHostNs(1_250_000)).toBe(5_000_000_000n);
  expect(clock.toHostNs(2_000_000)).toBe(5_750_000_000n);
});

test.each([Number.NaN, Number.POSITIVE_INFINITY, -1, 1.5, 1e300])(
  "a guest that says %d does no harm",
  (us) => {
    const clock = guestClock(0, 1000n);
    expect(clock.toHostNs(us)).toBe(1000n);
    expect(guestClock(us, 1000n).bootNs).toBe(1000n);
  },
);
