// Containers of the host's runtime, by the command line.
import type { ChildProcess } from "node:child_process";
import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect } from "vitest";
import { makeBundle } from "../fixtures/make-bundle.ts";
import type { BundleOptions, TestBundle } from "../fixtures/make-bundle.ts";
import { NkRuntime } from "../fixtures/nk-runtime.ts";

/** Anew for each test. */
export let nk: NkRuntime;
export let dir: string;
let bundles: TestBundle[];

/** To be called once by each file. */
export function useHostMode(): void {
  beforeEach(async () => {
    nk = await NkRuntime.make();
    bundles = [];
    dir = await mkdtemp(join(tmpdir(), "nk-cli-"));
  });

  afterEach(async () => {
    await nk.cleanup();
    await Promise.all(bundles.map((made) => made.cleanup()));
    rmSync(dir, { recursive: true });
  });
}

export async function bundle(options: BundleOptions): Promise<string> {
  const made = await makeBundle(options);
  bundles.push(made);
  return made.dir;
}

export const script = (text: string): Promise<string> => bundle({ args: ["sh", "-c", text] });
export const SLEEPER = "trap 'exit 5' TERM; while :; do sleep 0.1; done";

export async function firstOutput(child: ChildProcess): Promise<void> {
  await new Promise((resolve) => {
    child.stdout?.once("data", resolve);
  });
}

export function exitOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => {
    child.on("exit", resolve);
  });
}

export async function create(id: string, text = SLEEPER): Promise<void> {
  const { code } = await nk.run(["create", "-b", await script(text), id], { streams: "ignored" });
  expect(code).toBe(0);
}

export async function status(id: string): Promise<string> {
  return (await nk.run(["state", "--short", id])).stdout.trim();
}

/** Waits for an end that only the kernel knows of, by asking as callers do. */
export async function untilStopped(id: string): Promise<void> {
  await expect.poll(() => status(id)).toBe("stopped (container)");
}
