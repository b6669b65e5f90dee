import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, it } from "vitest";
import { create, dir, nk, untilStopped, useHostMode } from "./host-mode-rig.ts";

useHostMode();

beforeEach(() => create("update1"));

/** What the runtime has on record for the container's limit of processes. */
async function pidsLimit(): Promise<number> {
  const { stdout } = await nk.run(["events", "--stats", "update1"]);
  const { data } = JSON.parse(stdout) as { data: { pids: { limit: number } } };
  return data.pids.limit;
}

it("takes limits from flags, a file and standard input, as podman and containerd give them", async () => {
  const { code, stdout, stderr } = await nk.run(["update", "--pids-limit", "30", "--memory=64m", "update1"]);
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: "", stderr: "" });
  expect(await pidsLimit()).toBe(30);
  const file = join(dir, "resources.json");
  writeFileSync(file, '{"pids":{"limit":20},"memory":{"limit":0}}');
  expect((await nk.run(["update", `--resources=${file}`, "update1"])).code).toBe(0);
  expect(await pidsLimit()).toBe(20);
  const input = '{"pids":{"limit":10}}';
  expect((await nk.run(["update", "--resources", "-", "update1"], { input })).code).toBe(0);
  expect(await pidsLimit()).toBe(10);
  expect((await nk.run(["update", "-r", "-", "update1"], { input: "{" })).stderr).toContain("not valid JSON");
  expect((await nk.run(["update", "update1"])).code).toBe(0);
});

it("says what runc says of a limit that cannot be", async () => {
  const { code, stderr } = await nk.run(["update", "--memory", "1", "update1"]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/^nk-runtime: unable to set memory limit to 1/m);
});

it("is refused for a container that has stopped, and for none", async () => {
  await nk.run(["kill", "update1", "KILL"]);
  await untilStopped("update1");
  const stopped = await nk.run(["update", "--pids-limit", "30", "update1"]);
  expect(stopped).toMatchObject({ code: 1, stdout: "" });
  expect(stopped.stderr).toContain("container not running");
  expect((await nk.run(["update", "none"])).stderr).toContain("container does not exist");
});
