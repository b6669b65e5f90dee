import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { clear, killAt, named, type Point, type Rows, type Subject } from "./kill-rig.ts";
import { OF_POOL, POOL, REFILL } from "./kill-tables.ts";
import { Runtime } from "./runtime.ts";
import { processesOf, within } from "./victims.ts";

/** A start of node, on a busy host. */
const FILLER_ENDS_MS = 10_000;

/** Kills what takes a VM from a pool, adopts it, joins it, and fills the pool again. @param which rows of the tables */
export function killInPool(which: keyof Rows): void {
  const chosen = (table: readonly Rows[]): [string, Point][] => named(table.flatMap((step) => step[which]));
  let runtime: Runtime;
  let subject: Subject;
  let args: string[];

  beforeAll(() => {
    runtime = new Runtime();
  });

  beforeEach(async () => {
    const { dir } = await runtime.bundle({ args: ["sleep", "1000000"] });
    const id = runtime.id();
    args = ["run", "-d", "--mode=vm", "--vm-start=pool", "--bundle", dir, id];
    const status = (): Promise<string> => statusOf(id);
    // What is left is the pool's then, and its next VM may be on its way.
    const remove = ["delete", "--force", id];
    subject = { runtime, status, ended: [], remove, last: stopPool };
  });

  afterEach(async () => {
    await clear(subject);
    await runtime.call(["vm-pool", "stop"]);
  });

  afterAll(async () => {
    expect(await runtime.close()).toEqual([]);
  });

  /** Who fills it again may not have begun yet: it finds no pool then, and ends by itself. */
  async function stopPool(): Promise<void> {
    await runtime.ok(["vm-pool", "stop"]);
    await within(FILLER_ENDS_MS, () => processesOf(runtime.root).length === 0 || undefined);
  }

  async function statusOf(id: string): Promise<string> {
    const { code, stdout, stderr } = await runtime.call(["state", "--short", id]);
    if (code !== 0 && stderr.includes("does not exist")) return "none";
    return stdout.split(" ")[0] ?? "";
  }

  describe("take, adopt and join", () => {
    it.each(chosen(POOL))("%s", async (_name, point) => {
      const env = OF_POOL.includes(point.step) ? { NK_HALT_AT: point.step } : {};
      await runtime.detached(["vm-pool", "start", "--size=1"], env);
      await killAt(subject, point, args);
    });
  });

  describe("fill again", () => {
    it.each(chosen(REFILL))("%s", async (_name, point) => {
      await runtime.detached(["vm-pool", "start", "--size=1"]);
      await killAt(subject, point, args);
    });
  });
}
