import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { livesAsWithRunc } from "../vm/life.ts";
import { Runtime } from "../vm/runtime.ts";
import { endsReader, givesBack, keepsApart, passesStatuses } from "../vm/streams.ts";
import { flagsOf, VMMS } from "./matrix.ts";

const PAUSE_S = 2;

/** The commands of a container's life, its streams, statuses and signals, on each VMM. */
describe.each(VMMS)("%s", (_title, vmm) => {
  let runtime: Runtime;

  beforeAll(() => {
    runtime = new Runtime(...flagsOf(vmm));
  });

  afterAll(async () => {
    expect(await runtime.close()).toEqual([]);
  });

  it("takes a container through create, start, pause, resume, kill and delete", () =>
    livesAsWithRunc(runtime));

  it("hands signals on to a run, and its status back", async () => {
    const args = ["sh", "-c", "trap 'echo got it; exit 3' TERM; echo up; while :; do sleep 0.1; done"];
    const result = await runtime.run({ args }, [], {
      during: (child) => child.stdout?.once("data", () => child.kill("SIGTERM")),
    });
    expect(result).toEqual({ code: 3, stdout: "up\ngot it\n", stderr: "" });
  });

  it("says in runc's words what could not be started", async () => {
    const { code, stderr } = await runtime.run({ args: ["no-such-program"] });
    expect(code).toBe(1);
    expect(stderr).toContain('exec: "no-such-program": executable file not found in $PATH');
  });

  it("gives back 4 MiB of random bytes through a run", async () => {
    const { dir } = await runtime.bundle({ args: ["cat"] });
    await givesBack(runtime, ["run", "--mode=vm", ...runtime.flags, "--bundle", dir, runtime.id()], 4);
  });

  describe("a container that goes on", () => {
    let id: string;

    beforeAll(async () => {
      id = await runtime.background({
        args: ["sh", "-c", "while sleep 0.1; do read up rest </proc/uptime; echo $up >>/times; done"],
      });
    });

    afterAll(() => runtime.ok(["delete", "--force", id]));

    it("gives back 4 MiB of random bytes through exec", () => givesBack(runtime, ["exec", id, "cat"], 4));
    it("keeps standard output and standard error apart", () => keepsApart(runtime, id));
    it("ends a reader whose standard input is closed", () => endsReader(runtime, id));
    it("passes the statuses of exec", () => passesStatuses(runtime, id));

    it("stands still while it is paused, and goes on", async () => {
      const times = async (): Promise<number[]> =>
        (await runtime.ok(["exec", id, "cat", "/times"])).trim().split("\n").map(Number);
      const before = (await times()).at(-1) ?? Number.NaN;
      await runtime.ok(["pause", id]);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_S * 1000));
      await runtime.ok(["resume", id]);
      const after = (await times()).filter((time) => time >= before);
      const gaps = after.map((time, index) => time - (after[index - 1] ?? time));
      expect(Math.max(...gaps)).toBeGreaterThan(PAUSE_S * 0.9);
    });
  });
});
