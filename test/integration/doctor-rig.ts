// What `nk-runtime doctor` finds on this host, or on one that is made to look otherwise.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach } from "vitest";
import { NkRuntime } from "../fixtures/nk-runtime.ts";

interface Check {
  group: string;
  name: string;
  status: string;
  found: string;
  mend?: string;
}

export interface Report {
  ok: boolean;
  vm: { works: boolean; summary: string };
  container: { works: boolean; summary: string };
  checks: Check[];
}

/** Anew for each test. */
export let nk: NkRuntime;
export let dir: string;

/** To be called once by each file. */
export function useDoctor(): void {
  beforeEach(async () => {
    nk = await NkRuntime.make();
    dir = mkdtempSync(join(tmpdir(), "nk-doctor-"));
  });
  afterEach(async () => {
    await nk.cleanup();
    rmSync(dir, { recursive: true });
  });
}

export async function report(
  args: string[] = [],
  env: Record<string, string> = {},
): Promise<Report & { code: number | null; check: (name: string) => Check | undefined }> {
  const { code, stdout } = await nk.run(["doctor", "--format=json", ...args], { env });
  const found = JSON.parse(stdout) as Report;
  return { ...found, code, check: (name) => found.checks.find((check) => check.name === name) };
}
