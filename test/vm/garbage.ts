import { expect } from "vitest";
import type { Runtime } from "./runtime.ts";

export interface Found {
  kind: string;
  name: string;
  reason: string;
  removed: boolean;
  error?: string;
}

/** What `gc` finds, by name, but for bundles of images: those are of the whole machine, others' too. */
export async function collected(
  runtime: Runtime,
  flags: readonly string[] = [],
  env: NodeJS.ProcessEnv = {},
): Promise<Found[]> {
  const { code, stdout, stderr } = await runtime.call(["gc", "--format=json", ...flags], { env });
  expect(stderr).toBe("");
  const all = JSON.parse(stdout) as Found[];
  expect(code).toBe(all.some(({ error }) => error !== undefined) ? 1 : 0);
  return all.filter(({ kind }) => kind !== "bundle").sort((a, b) => (a.name < b.name ? -1 : 1));
}
