import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { cgroupFolder, listHierarchies } from "../../src/host/cgroup.ts";
import { Runtime } from "./runtime.ts";

let runtime: Runtime;

beforeAll(() => {
  runtime = new Runtime();
});
afterAll(async () => {
  expect(await runtime.close()).toEqual([]);
});

const MIB = 1024 * 1024;

interface GuestLimits {
  memory: { max: number | null };
  pids: { max: number | null };
}

async function inGuest(id: string): Promise<GuestLimits> {
  const stdin = Buffer.from(`${JSON.stringify({ type: "stats", id })}\n`);
  return (JSON.parse(await runtime.ok(["vm-agent", id], { stdin })) as { stats: GuestLimits }).stats;
}

/** Quota and shares of the container's cgroup on the host. */
function onHost(id: string): [quota: string, weight: string] {
  const cpu = listHierarchies().find(
    ({ version, controllers }) => version === 2 || controllers.includes("cpu"),
  );
  const folder = join(cpu?.mountPoint ?? "", cgroupFolder(undefined, id));
  const files = cpu?.version === 1 ? ["cpu.cfs_quota_us", "cpu.shares"] : ["cpu.max", "cpu.weight"];
  const [quota = "", weight = ""] = files.map((name) => readFileSync(join(folder, name), "utf8").trim());
  return [quota, weight];
}

it("changes the limits of a container, in the guest and on the host", async () => {
  const resources = { cpu: { quota: 50_000, period: 100_000 }, pids: { limit: 100 } };
  const id = await runtime.background({ linux: { resources } });
  const stdin = Buffer.from(
    '{"memory":{"limit":67108864,"swap":67108864},"pids":{"limit":30},"cpu":{"shares":512}}',
  );
  expect(await runtime.call(["update", "--resources", "-", id], { stdin })).toEqual({
    code: 0,
    stdout: "",
    stderr: "",
  });
  expect(await inGuest(id)).toMatchObject({ memory: { max: 64 * MIB }, pids: { max: 30 } });
  expect([
    ["60000", "512"],
    ["60000 100000", "20"],
  ]).toContainEqual(onHost(id));

  await runtime.ok(["update", "--memory", "-1", "--pids-limit", "-1", "--cpu-quota", "-1", id]);
  expect(await inGuest(id)).toMatchObject({ memory: { max: null }, pids: { max: null } });
  expect(["-1", "max 100000"]).toContain(onHost(id)[0]);

  const refused = await runtime.call(["update", "--memory", "64g", id]);
  expect(refused).toMatchObject({ code: 1, stdout: "" });
  expect(refused.stderr).toMatch(/the container's VM has 512 MiB/);
  expect((await runtime.call(["update", "--cpu-quota", "1", id])).stderr).toMatch(
    /^nk-runtime: the runtime in the VM refused: .*cpu\.max/,
  );

  // Signal 0 is a question (kill(2)).
  expect(await runtime.call(["kill", id, "0"])).toEqual({ code: 0, stdout: "", stderr: "" });
  await runtime.ok(["kill", id, "KILL"]);
  await expect.poll(() => runtime.ok(["state", "--short", id])).toBe("stopped (vm)\n");
  for (const words of [
    ["update", "--pids-limit", "9", id],
    ["kill", id, "0"],
  ])
    expect((await runtime.call(words)).stderr).toContain("container not running");
});
