import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { membersOf } from "../../src/host/cgroup.ts";
import { FakeSystemd } from "../fixtures/fake-systemd.ts";
import { Runtime } from "./runtime.ts";

/** A container in a scope of systemd, with a stand-in for it. */
let runtime: Runtime;
let systemd: FakeSystemd;

beforeAll(() => {
  runtime = new Runtime();
  systemd = new FakeSystemd(runtime);
});
afterAll(async () => {
  expect(await runtime.close()).toEqual([]);
  expect(systemd.close()).toEqual([]);
});

const RESOURCES = {
  memory: { limit: 256 * 1024 * 1024 },
  cpu: { quota: 50_000, period: 100_000, shares: 512 },
};

it("asks for the scope and its limits, has its processes there, and ends it with the container", async () => {
  const unit = "libpod-box.scope";
  systemd.addFailed(unit);
  const linux = { cgroupsPath: `${systemd.slice}:libpod:box`, resources: RESOURCES };
  const { dir } = await runtime.bundle({ args: ["sleep", "1000"], linux });
  const id = runtime.id();
  const run = ["--systemd-cgroup", "run", "-d", "--mode=vm", "-b", dir];
  await runtime.detached([...run, id], systemd.env);

  const [refused, reset, made, limits] = systemd.calls();
  expect(refused).toBe(made);
  expect(reset).toBe(`systemctl reset-failed -- ${unit}`);
  expect(made).toMatch(
    /^systemd-run --scope --quiet --collect --unit=libpod-box\.scope --slice=\S+ .* --property=Delegate=yes /,
  );
  expect(made).toMatch(/ --property=MemoryMax=\d{9,} -- cat$/);
  expect(limits).toMatch(
    new RegExp(
      `^systemctl set-property --runtime -- ${unit} CPUQuota=60% CPUQuotaPeriodSec=100000us CPU(Shares=512|Weight=20)$`,
    ),
  );

  const { pid, vm } = runtime.record(id);
  expect(vm).toMatchObject({ scope: unit, cgroups: systemd.folders(unit), joinedCgroups: [] });
  const pidFile = join(runtime.root, ".exec.pid");
  await runtime.detached(["exec", "-d", "--pid-file", pidFile, id, "sleep", "1000"], systemd.env);
  const session = Number(readFileSync(pidFile, "utf8"));
  for (const folder of systemd.folders(unit)) {
    expect(membersOf(folder)).toEqual(expect.arrayContaining([pid, vm?.monitorPid, vm?.vmmPid, session]));
    for (const member of membersOf(folder))
      expect(readFileSync(`/proc/${member}/comm`, "utf8")).not.toBe("cat\n");
  }

  const second = await runtime.call([...run, runtime.id()], { env: systemd.env });
  expect(second).toMatchObject({ code: 1, stdout: "" });
  expect(second.stderr).toMatch(/^nk-runtime: container's cgroup is not empty: \d+ process\(es\) found/);

  await runtime.ok(["delete", "--force", id], { env: systemd.env });
  expect(systemd.calls().at(-1)).toBe(`systemctl stop -- ${unit}`);
  expect([...systemd.folders(unit), ...systemd.units()]).toEqual([]);
});

it("fails, and leaves nothing, when systemd refuses a limit", async () => {
  const linux = { cgroupsPath: `${systemd.slice}:libpod:limit`, resources: { cpu: { shares: 512 } } };
  const { dir } = await runtime.bundle({ linux });
  const id = runtime.id();
  const { code, stderr } = await runtime.call(["--systemd-cgroup", "run", "--mode=vm", "-b", dir, id], {
    env: { ...systemd.env, FAKE_SYSTEMD_FAULT: "no-property" },
  });
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: expect.stringMatching(/systemd did not set CPU\w+=\d+ of the scope .*: Access denied/) as string,
  });
  expect([...systemd.folders("libpod-limit.scope"), ...systemd.units()]).toEqual([]);
});
