import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { clear, killAt, named, type Point, type Rows, type Subject } from "./kill-rig.ts";
import { CREATE, DELETE, EXEC, OF_MONITOR, RUN, START } from "./kill-tables.ts";
import { Runtime } from "./runtime.ts";

/** Kills what makes, starts, enters and deletes a container. @param which rows of the tables */
export function killPoints(which: keyof Rows): void {
  const chosen = (table: readonly Rows[]): [string, Point][] => named(table.flatMap((step) => step[which]));
  let runtime: Runtime;
  let bundle: string;
  /** One id for all: each container is also the proof that the one before left it free. */
  let id: string;
  let subject: Subject;

  beforeAll(async () => {
    runtime = new Runtime();
    bundle = (await runtime.bundle({ args: ["sleep", "1000000"] })).dir;
    id = runtime.id();
    subject = { runtime, status: statusNow, ended: ["stopped", "none"], remove: ["delete", "--force", id] };
  });

  afterAll(async () => {
    const last = await runtime.call([
      "run",
      "--mode=vm",
      "--bundle",
      (await runtime.bundle({ args: ["true"] })).dir,
      id,
    ]);
    expect({ code: last.code, stderr: last.stderr }).toEqual({ code: 0, stderr: "" });
    expect(await runtime.close()).toEqual([]);
  });

  afterEach(() => clear(subject));

  const make = (verb: string, ...flags: string[]): string[] => [
    verb,
    "--mode=vm",
    ...flags,
    "--bundle",
    bundle,
    id,
  ];

  async function statusNow(): Promise<string> {
    const { code, stdout, stderr } = await runtime.call(["state", id]);
    if (code !== 0 && stderr.includes("does not exist")) return "none";
    const { status, error } = JSON.parse(stdout) as { status: string; error?: { message: string } };
    if (error !== undefined) expect(error.message).not.toBe("");
    return status;
  }

  describe("create", () => {
    it.each(chosen(CREATE))("%s", (_name, point) => killAt(subject, point, make("create")));
  });

  describe("run", () => {
    it.each(chosen(RUN))("%s", (_name, point) => killAt(subject, point, make("run")));
  });

  describe.each([
    ["start", START, () => make("create"), () => ["start", id]],
    ["exec", EXEC, () => make("run", "-d"), () => ["exec", id, "sleep", "1000000"]],
    ["delete", DELETE, () => make("run", "-d"), () => ["delete", "--force", id]],
  ] as const)("%s", (_name, table, before, args) => {
    it.each(chosen(table))("%s", async (_point, point) => {
      await runtime.detached(before(), OF_MONITOR.includes(point.step) ? { NK_HALT_AT: point.step } : {});
      await killAt(subject, point, args());
    });
  });
}
