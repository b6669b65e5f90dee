// Commands that are refused, by a host that has no configuration.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect } from "vitest";
import { expectRefused, type Refusal } from "../fixtures/refused.ts";
import { Runtime } from "../vm/runtime.ts";

/** One of each file. */
export let runtime: Runtime;
export let dir: string;

const NO_CONFIG = { NK_CONFIG_DIR: "/no/such/folder" };

/** To be called once by each file. */
export function useRefusals(): void {
  beforeAll(() => {
    runtime = new Runtime();
    dir = mkdtempSync(join(tmpdir(), "nk-bad-"));
  });

  afterAll(async () => {
    expect((await runtime.close()).filter((line) => line !== "~host")).toEqual([]);
    rmSync(dir, { recursive: true });
  });
}

export function refused(args: string[], message: RegExp | string, options: Refusal = {}): Promise<unknown> {
  return expectRefused(runtime, args, message, { ...options, env: { ...NO_CONFIG, ...options.env } });
}
