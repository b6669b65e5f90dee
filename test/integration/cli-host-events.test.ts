import { beforeEach, expect, it } from "vitest";
import { create, firstOutput, nk, untilStopped, useHostMode } from "./host-mode-rig.ts";

useHostMode();

beforeEach(() => create("events1"));

it("prints statistics once, and in intervals until the container ends", async () => {
  const { code, stdout, stderr } = await nk.run(["events", "--stats", "events1"]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(JSON.parse(stdout)).toMatchObject({
    type: "stats",
    id: "events1",
    data: {
      pids: { current: expect.any(Number) as number },
      memory: { usage: expect.any(Object) as object },
    },
  });
  const child = nk.spawn(["events", "--interval=100ms", "events1"]);
  const ended = new Promise((resolve) => child.once("close", resolve));
  await firstOutput(child);
  await nk.run(["delete", "--force", "events1"]);
  expect(await ended).toBe(0);
});

it.each([
  [["--interval=x"], /option --interval: expected a time as in 5s, found "x"/],
  [["--interval", "0s"], /duration interval must be greater than 0/],
])("refuses %j", async (options, message) => {
  expect((await nk.run(["events", ...options, "events1"])).stderr).toMatch(message);
});

it("refuses a container that has stopped", async () => {
  await nk.run(["kill", "events1", "KILL"]);
  await untilStopped("events1");
  const { code, stderr } = await nk.run(["events", "--stats", "events1"]);
  expect(code).toBe(1);
  expect(stderr).toContain("container with id events1 is not running");
});
