import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Deadline } from "./deadline.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const never = new Promise<never>(() => {});

/** What a wait has come to: undefined while it goes on. */
function outcome(wait: Promise<unknown>): () => string | undefined {
  let result: string | undefined;
  wait.then(
    () => (result = "settled"),
    (error: Error) => (result = error.message),
  );
  return () => result;
}

it("ends a wait when it passes", async () => {
  const result = outcome(Deadline.after(1000).race(never, "the answer"));
  await vi.advanceTimersByTimeAsync(999);
  expect(result()).toBeUndefined();
  await vi.advanceTimersByTimeAsync(2);
  expect(result()).toBe("the answer did not come within 1000 ms");
});

it("can be set anew while somebody waits by it", async () => {
  const deadline = Deadline.after(1000);
  const result = outcome(deadline.race(never, "the answer"));
  for (let step = 0; step < 5; step += 1) {
    await vi.advanceTimersByTimeAsync(900);
    deadline.renew(1000);
  }
  expect(result()).toBeUndefined();
  await vi.advanceTimersByTimeAsync(1100);
  expect(result()).toMatch(/did not come/);
});

it("moves by what a suspended wait takes", async () => {
  const deadline = Deadline.after(1000);
  const slow = deadline.suspend(new Promise((resolve) => setTimeout(resolve, 5000)));
  await vi.advanceTimersByTimeAsync(5000);
  await slow;
  expect(Math.round(deadline.remainingMs())).toBe(1000);
});

/** The wait for a start is around that for each of its steps, and knows less. */
it("tells of the innermost of the waits that it ends", async () => {
  vi.useRealTimers();
  const ends = Array.from({ length: 100 }, async (_, index) => {
    const deadline = Deadline.after(20 + index / 10);
    const inner = deadline.race(never, "the step");
    // Some fractions of a millisecond later, which timers round.
    const end = performance.now() + index / 100;
    while (performance.now() < end);
    return outerOf(deadline, deadline.race(inner, "the middle"));
  });
  expect(new Set(await Promise.all(ends))).toEqual(new Set(["the step"]));
});

async function outerOf(deadline: Deadline, inner: Promise<never>): Promise<string | undefined> {
  const error = await deadline.race(inner, "the start").catch((reason: unknown) => reason);
  return (error as { phase?: string }).phase;
}
