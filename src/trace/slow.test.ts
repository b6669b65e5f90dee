import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { notices } from "./channels.ts";
import { tellIfSlow } from "./slow.ts";

let told: unknown[];
const note = (text: unknown): void => void told.push(text);

beforeEach(() => {
  told = [];
  notices.subscribe(note);
  vi.useFakeTimers();
});

afterEach(() => {
  notices.unsubscribe(note);
  vi.useRealTimers();
});

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe("work that takes long", () => {
  it("is told when it does, as it is then, and when it is done", async () => {
    let what = "looking";
    const work = tellIfSlow(
      () => what,
      async () => {
        await sleep(500);
        what = "making";
        await sleep(2500);
        return 7;
      },
    );
    await vi.advanceTimersByTimeAsync(999);
    expect(told).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(told).toEqual(["making …"]);
    await vi.advanceTimersByTimeAsync(2000);
    expect(await work).toBe(7);
    expect(told[1]).toMatch(/^… done in \d/);
  });

  it("is not told when it is quick, nor its end when it fails", async () => {
    await tellIfSlow(
      () => "quick",
      () => Promise.resolve(),
    );
    await expect(
      tellIfSlow(
        () => "bad",
        () => Promise.reject(new Error("x")),
      ),
    ).rejects.toThrow("x");
    await vi.advanceTimersByTimeAsync(5000);
    expect(told).toEqual([]);
  });
});
