import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Runtime } from "./runtime.ts";

let runtime: Runtime;

beforeAll(() => {
  runtime = new Runtime();
});
afterAll(async () => {
  expect(await runtime.close()).toEqual([]);
});

const MIB = 1024 * 1024;

it("prints what the guest counts, that memory ran out, and ends with the container", async () => {
  const resources = { memory: { limit: 32 * MIB }, pids: { limit: 50 } };
  const id = await runtime.background({ linux: { resources } });
  const line = await runtime.ok(["events", "--stats", id]);
  expect(JSON.parse(line)).toMatchObject({
    type: "stats",
    id,
    data: {
      cpu: { usage: { total: expect.any(Number) as number } },
      memory: { usage: { limit: 32 * MIB, usage: expect.any(Number) as number } },
      pids: { current: expect.any(Number) as number, limit: 50 },
      network_interfaces: null,
    },
  });

  const child = runtime.spawn(["events", "--interval=200ms", id]);
  const { stdout } = child;
  if (!stdout) throw new Error("expected a pipe for standard output");
  const lines = createInterface({ input: stdout });
  const types: string[] = [];
  const until = (type: string): Promise<void> =>
    new Promise((resolve) => {
      lines.on("line", (text) => {
        const event = JSON.parse(text) as { type: string };
        types.push(event.type);
        if (event.type === type) resolve();
      });
    });
  await until("stats");
  const oom = until("oom");
  expect((await runtime.call(["exec", id, "tail", "/dev/zero"])).code).toBe(137);
  await oom;
  const ended = new Promise((resolve) => child.once("close", resolve));
  await runtime.ok(["kill", id, "KILL"]);
  expect(await ended).toBe(0);
  expect(types.filter((type) => type === "oom").length).toBeGreaterThan(0);

  await expect.poll(() => runtime.ok(["state", "--short", id])).toBe("stopped (vm)\n");
  const late = await runtime.call(["events", "--stats", id]);
  expect(late).toMatchObject({ code: 1, stdout: "" });
  expect(late.stderr).toContain(`container with id ${id} is not running`);
});
