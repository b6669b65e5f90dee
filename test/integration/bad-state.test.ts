import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isAlive, processStartTime } from "../../src/host/process-info.ts";
import { expectOneLine, expectRefused, type Refusal } from "../fixtures/refused.ts";
import { Runtime } from "../vm/runtime.ts";

/** What is not allowed in a state, and records that cannot be used. */
let runtime: Runtime;

beforeAll(() => {
  runtime = new Runtime();
});
afterAll(async () => {
  expect((await runtime.close()).filter((line) => line !== "~host")).toEqual([]);
});

function refused(args: string[], message: RegExp, options: Refusal = {}): Promise<unknown> {
  return expectRefused(runtime, args, message, { ...options, env: { NK_CONFIG_DIR: "/no/such/folder" } });
}

describe("a container in container mode", () => {
  const OPERATIONS: Record<string, string[][]> = {
    created: [["resume"]],
    running: [["start"], ["resume"], ["delete"]],
    paused: [["start"], ["pause"], ["exec"], ["delete"]],
    stopped: [["start"], ["pause"], ["resume"], ["kill"], ["exec"]],
  };

  it("refuses in each state what is not allowed there, and lives on", async () => {
    const { dir: bundle } = await runtime.bundle({ args: ["sleep", "1000"] });
    const id = runtime.id();
    const refuse = async (state: string): Promise<void> => {
      expect(await runtime.ok(["state", "--short", id])).toBe(`${state} (container)\n`);
      for (const [command = ""] of OPERATIONS[state] ?? []) {
        const operands = command === "exec" ? ["true"] : [];
        await refused([command, id, ...operands], /^nk-runtime: (cannot|container not) /, {
          code: command === "exec" ? 255 : 1,
        });
      }
    };
    await runtime.detached(["create", "-b", bundle, id]);
    await refuse("created");
    await refused(["run", "-b", bundle, id], /container with given ID already exists: .*nk-runtime .*state/);
    await runtime.ok(["start", id]);
    await refuse("running");
    await runtime.ok(["pause", id]);
    await refuse("paused");
    await runtime.ok(["resume", id]);
    await runtime.ok(["kill", id, "KILL"]);
    await expect.poll(() => runtime.ok(["state", "--short", id])).toBe("stopped (container)\n");
    await refuse("stopped");
    await runtime.ok(["delete", id]);
  });

  it.each(["", '{"version":1,"id":5}'])(
    "with the record %j is named by list, and removed whole by delete --force",
    async (record) => {
      const { dir: bundle } = await runtime.bundle({ args: ["sleep", "1000"] });
      const [good, bad] = [runtime.id(), runtime.id()];
      for (const id of [good, bad]) await runtime.detached(["run", "-d", "-b", bundle, id]);
      const { pid } = JSON.parse(await runtime.ok(["state", bad])) as { pid: number };
      const startTime = processStartTime(pid) ?? 0;
      writeFileSync(join(runtime.root, bad, "state.json"), record);

      const list = await runtime.call(["list", "-q"]);
      expect(list).toMatchObject({ code: 0, stdout: `${good}\n` });
      expect(list.stderr).toMatch(
        new RegExp(`^nk-runtime: warning: the state of container ${bad} is damaged: `),
      );
      for (const command of ["state", "delete", "start", "kill"]) {
        const { code, stderr } = await runtime.call([command, bad]);
        expect(code).toBe(1);
        expect(stderr).toMatch(new RegExp(`nk-runtime delete --force ${bad}"\n$`));
        expectOneLine(stderr);
      }
      await runtime.ok(["delete", "--force", bad]);
      expect(isAlive(pid, startTime)).toBe(false);
      expect(existsSync(join(runtime.root, bad))).toBe(false);
      await runtime.ok(["delete", "--force", good]);
    },
  );
});
