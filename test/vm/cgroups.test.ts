import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cgroupFolder, listHierarchies, membersOf } from "../../src/host/cgroup.ts";
import { removeCgroups } from "../../src/host/cgroup-remove.ts";
import { rewriteConfig } from "../fixtures/raw-config.ts";
import { expectRefused } from "../fixtures/refused.ts";
import { Runtime } from "./runtime.ts";

/** The container's cgroups on the host: whose they are, and what they hold the VM to. */
let runtime: Runtime;

beforeAll(() => {
  runtime = new Runtime();
});
afterAll(async () => {
  expect(await runtime.close()).toEqual([]);
});

let count = 0;

/** A folder of no other test, in every hierarchy. */
function newFolder(): { path: string; places: string[] } {
  count += 1;
  const path = `/nk-test-${process.pid}-${count}`;
  return { path, places: listHierarchies().map(({ mountPoint }) => join(mountPoint, path)) };
}

describe("a cgroup of two containers", () => {
  it("is refused while the first is in it, and the first lives on", async () => {
    const { path, places } = newFolder();
    const first = await runtime.background({ linux: { cgroupsPath: path } });
    const { dir } = await runtime.bundle({ args: ["true"], linux: { cgroupsPath: path } });
    const second = await runtime.call(["run", "--mode=vm", "-b", dir, runtime.id()]);
    expect(second).toMatchObject({ code: 1, stdout: "" });
    expect(second.stderr).toMatch(/^nk-runtime: container's cgroup is not empty: \d+ process\(es\) found/);
    expect(await runtime.ok(["exec", first, "echo", "alive"])).toBe("alive\n");
    await runtime.ok(["delete", "--force", first]);
    expect(places.filter((place) => existsSync(place))).toEqual([]);
  });

  it("that was there before has its shadow, its monitor and its exec sessions in it, and stays", async () => {
    const { path, places } = newFolder();
    for (const place of places) mkdirSync(place);
    const id = await runtime.background({ linux: { cgroupsPath: path } });
    const { pid, vm } = runtime.record(id);
    expect(vm).toMatchObject({ cgroups: [], joinedCgroups: expect.arrayContaining(places) as string[] });
    const pidFile = join(runtime.root, ".exec.pid");
    await runtime.detached(["exec", "-d", "--pid-file", pidFile, id, "sleep", "1000"]);
    const session = Number(readFileSync(pidFile, "utf8"));
    for (const place of places)
      expect(membersOf(place)).toEqual(expect.arrayContaining([pid, vm?.monitorPid, session]));
    await runtime.ok(["delete", "--force", id]);
    for (const place of places) rmdirSync(place);
  });

  it("with somebody else's process in it is left, and the process is not killed", async () => {
    const { path, places } = newFolder();
    const id = await runtime.background({ linux: { cgroupsPath: path } });
    const stranger = spawn("sleep", ["1000"], { stdio: "ignore" });
    try {
      for (const place of places) writeFileSync(join(place, "cgroup.procs"), String(stranger.pid));
      const { code, stderr } = await runtime.call(["delete", "--force", id]);
      expect(code).toBe(0);
      expect(stderr).toMatch(
        new RegExp(`warning: the cgroup \\S+ is left: processes of others are in it \\(${stranger.pid}\\)`),
      );
      expect(stranger.exitCode).toBe(null);
      expect(stranger.signalCode).toBe(null);
      for (const place of places) expect(membersOf(place)).toEqual([stranger.pid]);
    } finally {
      stranger.kill("SIGKILL");
      await new Promise((resolve) => {
        stranger.once("exit", resolve);
      });
      await removeCgroups(places, runtime.root);
    }
  });
});

/** The file of a controller in the container's folder, by version of its hierarchy. */
function fileOf(controller: string, id: string, v1: string, v2: string): string {
  const hierarchies = listHierarchies();
  const first = hierarchies.find(
    ({ version, controllers }) => version === 1 && controllers.includes(controller),
  );
  const mountPoint = (first ?? hierarchies.find(({ version }) => version === 2))?.mountPoint ?? "";
  return join(mountPoint, cgroupFolder(undefined, id), first ? v1 : v2);
}

const textOf = (path: string): string => readFileSync(path, "utf8").trim();
const memoryFile = (id: string): string => fileOf("memory", id, "memory.limit_in_bytes", "memory.max");
const MIB = 1024 * 1024;

describe("limits of config.json on the host", () => {
  it("hold the VM: its memory and 256 MiB, the quota and a tenth of a CPU, the shares", async () => {
    const resources = {
      memory: { limit: 300 * MIB },
      cpu: { quota: 50_000, period: 100_000, shares: 512 },
      pids: { limit: 3 },
    };
    const id = await runtime.background({ linux: { resources } });
    expect(Number(textOf(memoryFile(id)))).toBe((300 + 128 + 256) * MIB);
    const quota = textOf(fileOf("cpu", id, "cpu.cfs_quota_us", "cpu.max"));
    expect(["60000", "60000 100000"]).toContain(quota);
    expect(["512", "20"]).toContain(textOf(fileOf("cpu", id, "cpu.shares", "cpu.weight")));
    // The container's number of processes is the guest's matter: the VMM has threads of its own.
    expect(await runtime.ok(["exec", id, "echo", "ok"])).toBe("ok\n");
  });

  it("hold the VM to CPUs, memory nodes and disks of the host, also later", async () => {
    const { path, places } = newFolder();
    const [device] = readFileSync("/proc/partitions", "utf8").match(/\d+ +\d+(?= +\d+ [a-z]+$)/m) ?? [""];
    const [major, minor] = device.trim().split(/ +/).map(Number);
    const resources = {
      cpu: { cpus: "0", mems: "0" },
      blockIO: { weight: 300, throttleReadBpsDevice: [{ major, minor, rate: 50 * MIB }] },
    };
    const id = await runtime.background({ linux: { cgroupsPath: path, resources } });
    const text = (...names: string[]): string => {
      const files = places.flatMap((place) => names.map((name) => join(place, name)));
      return textOf(files.find((file) => existsSync(file)) ?? "");
    };
    const { vm } = runtime.record(id);
    const cpusOf = (): string | undefined =>
      /^Cpus_allowed_list:\s*(.*)$/m.exec(readFileSync(`/proc/${vm?.vmmPid}/status`, "utf8"))?.[1];
    expect(cpusOf()).toBe("0");
    expect(text("blkio.bfq.weight", "blkio.weight", "io.bfq.weight", "io.weight")).toMatch(/300$|2930$/);
    expect(text("blkio.throttle.read_bps_device", "io.max")).toMatch(`${major}:${minor} `);
    await runtime.ok(["update", "--cpuset-cpus=0-1", "--blkio-weight=400", id]);
    expect(cpusOf()).toBe("0-1");
    expect(text("blkio.bfq.weight", "blkio.weight", "io.bfq.weight", "io.weight")).toMatch(/400$|3940$/);
    const { code, stderr } = await runtime.call(["update", "--cpuset-cpus=4096", id]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/failed to write 4096 to \S+cpuset\.cpus: /);
    await runtime.ok(["delete", "--force", id]);
  });

  it("are not there for a container without", async () => {
    const id = await runtime.background({ linux: { resources: {} } });
    expect(["max", true]).toContain(
      textOf(memoryFile(id)) === "max" ? "max" : Number(textOf(memoryFile(id))) > totalmem(),
    );
    expect(["-1", "max 100000"]).toContain(textOf(fileOf("cpu", id, "cpu.cfs_quota_us", "cpu.max")));
  });

  it("of a twentieth of a CPU do not keep the VM from booting", async () => {
    const resources = { cpu: { quota: 5000, period: 100_000 } };
    expect(await runtime.run({ args: ["echo", "ok"], linux: { resources } })).toMatchObject({
      code: 0,
      stdout: "ok\n",
    });
  });

  it("of a thousandth, the least that a kernel takes, do not keep the container from being made", async () => {
    const id = await runtime.background({
      linux: { resources: { cpu: { quota: 1000, period: 1_000_000 } } },
    });
    expect(await runtime.ok(["state", "--short", id])).toBe("running (vm)\n");
    // The guest's own limit, once the container is there.
    const steps = (): string => readFileSync(join(runtime.root, id, "trace.jsonl"), "utf8");
    await expect.poll(steps).toMatch(/"runtime create"[^]*"runtime update"/);
    await runtime.ok(["delete", "--force", id]);
  });

  it("that no kernel takes are refused in the guest, whose container is gone then", async () => {
    const { dir } = await runtime.bundle({ linux: { resources: { cpu: { quota: 100, period: 100_000 } } } });
    const refusal = /the runtime in the VM refused: .*cpu\.max.*: Invalid argument/;
    await expectRefused(runtime, ["run", "--mode=vm", "-b", dir, runtime.id()], refusal);
  });

  it("of memory, where the VM reaches them, end it with a state that says so", async () => {
    const shm = { destination: "/dev/shm", type: "tmpfs", source: "shm", options: ["size=1g"] };
    const resources = { memory: { limit: 400 * MIB } };
    const id = await runtime.background({ linux: { resources }, mounts: [shm] });
    // What a VMM that has outgrown its room would meet.
    const limit = memoryFile(id);
    const used = Number(textOf(fileOf("memory", id, "memory.usage_in_bytes", "memory.current")));
    forbidSwap(join(limit, ".."));
    writeFileSync(limit, String(used + 16 * MIB));
    await runtime.call(["exec", id, "dd", "if=/dev/zero", "of=/dev/shm/x", "bs=1M", "count=300"]);
    const state = async () => JSON.parse(await runtime.ok(["state", id])) as Record<string, unknown>;
    await expect.poll(async () => (await state())["status"]).toBe("stopped");
    expect(await state()).toMatchObject({
      oomKilled: true,
      exitStatus: 137,
      error: {
        message: expect.stringMatching(/out of memory: the memory limit of its cgroup on the host/) as string,
      },
    });
  });
});

function forbidSwap(folder: string): void {
  for (const name of ["memory.swappiness", "memory.swap.max"])
    if (existsSync(join(folder, name))) writeFileSync(join(folder, name), "0");
}

/** The host's own folders, to run its node in a guest. */
const HOSTS = ["/usr", "/bin", "/lib", "/lib64", "/etc"].filter((folder) => existsSync(folder));

it("the same code on a kernel with nothing but version 2", async () => {
  const folder = mkdtempSync(join(tmpdir(), "nk-life-"));
  await build({
    entryPoints: [fileURLToPath(new URL("../fixtures/cgroup-life.ts", import.meta.url))],
    outfile: join(folder, "life.mjs"),
    bundle: true,
    platform: "node",
    format: "esm",
  });
  const binds = [...HOSTS, folder].map((path) => ({
    destination: path === folder ? "/life" : path,
    type: "bind",
    source: path,
    options: ["rbind", "ro"],
  }));
  const { dir } = await runtime.bundle({
    args: [process.execPath, "/life/life.mjs"],
    mounts: binds,
    rlimits: [],
    linux: { readonlyPaths: [], maskedPaths: [] },
  });
  rewriteConfig(dir, (config) => {
    const mounts = config["mounts"] as { type?: string; options?: string[] }[];
    for (const mount of mounts.filter(({ type }) => type === "cgroup")) mount.options = ["rw"];
  });
  const { code, stdout, stderr } = await runtime.runAgain(dir, ["--vm-memory=768"]);
  rmSync(folder, { recursive: true });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const here = "/sys/fs/cgroup/nk-life/c1";
  expect(JSON.parse(stdout)).toEqual({
    versions: [2],
    [`${here}/memory.max`]: String(32 * MIB),
    [`${here}/cpu.max`]: "60000 100000",
    [`${here}/cpu.weight`]: "20",
    members: true,
    refused: expect.stringMatching(/container's cgroup is not empty: 1 process/) as string,
    oomBefore: false,
    oomAfter: true,
    left: [],
    killed: "SIGKILL",
    strangerLives: true,
    joined: true,
  });
  // node and its programs, twice emulated on a busy host.
}, 480_000);
