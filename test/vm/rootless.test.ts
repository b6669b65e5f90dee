import { execFile } from "node:child_process";
import { lstatSync, readdirSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeBundle, type BundleOptions } from "../fixtures/make-bundle.ts";
import { NetworkLab } from "../fixtures/network/lab.ts";
import { OrdinaryUser } from "../fixtures/ordinary-user.ts";

/** nk-runtime as an ordinary user types it, who is root of nothing: docs/rootless.md. */
let lab: NetworkLab;

beforeAll(async () => {
  lab = await NetworkLab.make();
});
afterAll(() => lab.close());

const FOR_EVER = ["sh", "-c", "echo ready; trap 'exit 5' TERM; while :; do sleep 0.2; done"];
const PORT = 18_082;

describe.each([
  ["with a range of other users", true],
  ["alone", false],
])("a user %s", (_, hasRanges) => {
  let user: OrdinaryUser;
  let count = 0;

  beforeAll(async () => {
    user = await OrdinaryUser.make({ hasRanges });
    user.launcher = lab.inside(lab.host);
    // Groups of others, which such a user cannot give up.
    await promisify(execFile)("usermod", ["--append", "--groups", "audio,video", user.name]);
  });
  afterAll(async () => {
    const left = await user.processes();
    const containers = readdirSync(user.stateRoot).filter((name) => !/^[.~]/.test(name));
    await user[Symbol.asyncDispose]();
    expect({ left, containers }).toEqual({ left: [], containers: [] });
  });

  const nk = (...words: string[]): Promise<string> => user.ok(user.nkRuntime, ...words);

  /** A bundle of the user's. @returns its folder */
  async function bundleOf(options: BundleOptions): Promise<string> {
    const bundle = await makeBundle(options);
    const dir = join(user.home, `bundle-${(count += 1)}`);
    await promisify(execFile)("cp", ["-r", bundle.dir, dir]);
    await promisify(execFile)("chown", ["-R", `${user.name}:`, dir]);
    await bundle.cleanup();
    return dir;
  }

  const ownerOf = (...path: string[]): number => lstatSync(join(...path)).uid;

  /** Who runs QEMU, by its number. */
  async function usersOfQemu(): Promise<number[]> {
    const programs = await user.processes();
    const machines = programs.filter((line) => /^\s*\d+\s+\d+\s+\S+\s+\S*qemu-system/.test(line));
    return machines.map((line) => Number(line.trim().split(/\s+/)[0]));
  }

  it("runs a container in a VM, as its root", async () => {
    const dir = await bundleOf({ args: ["sh", "-c", "uname -r; id -u"] });
    const [kernel, uid] = (await nk("run", "--mode=vm", "--bundle", dir, "c1")).split("\n");
    expect(kernel).not.toBe(release());
    expect(uid).toBe("0");
  });

  it("a container lives: logs, exec, a bind mount, pause, stop, delete", async () => {
    await user.sh("mkdir -p data && chmod 777 data");
    const dir = await bundleOf({
      args: FOR_EVER,
      mounts: [
        { destination: "/data", type: "bind", source: join(user.home, "data"), options: ["rbind", "rw"] },
      ],
    });
    await user.sh(`exec ${user.nkRuntime} run -d --mode=vm --bundle ${dir} c2 </dev/null >out 2>&1`);
    expect(await nk("state", "--short", "c2")).toBe("running (vm)\n");
    expect(await usersOfQemu()).toEqual([hasRanges ? (user.firstSubuid ?? 0) + 65_533 : user.uid]);
    await expect.poll(() => user.sh("cat out")).toContain("ready\n");
    expect(await nk("exec", "c2", "sh", "-c", "touch /data/mine /root/mine; id -u")).toBe("0\n");
    expect(ownerOf(user.home, "data/mine")).toBe(user.uid);
    expect(ownerOf(dir, "rootfs/root/mine")).toBe(user.uid);
    const other = await user.call(user.nkRuntime, "exec", "--user=7:7", "c2", "touch", "/data/seven");
    if (hasRanges) expect(ownerOf(user.home, "data/seven")).toBe((user.firstSubuid ?? 0) + 6);
    else
      expect(other).toMatchObject({ code: 1, stderr: expect.stringContaining("Invalid argument") as string });
    await nk("pause", "c2");
    expect(await nk("state", "--short", "c2")).toBe("paused (vm)\n");
    await nk("resume", "c2");
    await nk("stop", "c2");
    await nk("delete", "c2");
  });

  it("publishes a port by a network in a program", async () => {
    const dir = await bundleOf({
      args: ["sh", "-c", "echo from the box >/tmp/index.html; httpd -f -h /tmp"],
    });
    const flags = `--mode=vm --vm-publish=127.0.0.1:${PORT}:80`;
    await user.sh(`exec ${user.nkRuntime} run -d ${flags} --bundle ${dir} c3 </dev/null >out 2>&1`);
    const url = `http://127.0.0.1:${PORT}/`;
    const get = (): Promise<string> => lab.run(lab.host, ["busybox", "wget", "-qO-", url]).catch(() => "");
    await expect.poll(get).toBe("from the box\n");
    await nk("delete", "--force", "c3");
  });

  it("a VM made by hand takes containers", async () => {
    await nk("vm-create", "--vm-net=none", "lab");
    await nk("vm-start", "lab");
    const dir = await bundleOf({ args: ["hostname"], hostname: "joined" });
    expect(await nk("run", "--vm=lab", "--bundle", dir, "c4")).toBe("joined\n");
    await nk("vm-delete", "--force", "lab");
  });

  it("a container takes a VM that waits", async () => {
    await nk("vm-pool", "start", "--size=1", "--vm-net=none");
    const waits = (): Promise<unknown> =>
      expect.poll(() => nk("vm-pool", "status", "--format=json")).toMatch(/"waiting": ?1/);
    await waits();
    const dir = await bundleOf({ args: ["hostname"], hostname: "taken" });
    expect(await nk("run", "--mode=vm", "--vm-start=pool", "--vm-net=none", "--bundle", dir, "c5")).toBe(
      "taken\n",
    );
    // The next one is on its way.
    await waits();
    await nk("vm-pool", "stop");
  });

  it.each([
    [["run", "--mode=vm", "--image=box.tar", "c6"]],
    [["vm-net", "c6"]],
    [["run", "--mode=vm", "--vm-net=tap", "--bundle=bundle-1", "c6"]],
  ])("%j is refused in one line", async (words) => {
    const { code, stderr } = await user.call(user.nkRuntime, ...words);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^nk-runtime: [^\n]*(needs root|CAP_NET_ADMIN)[^\n]*\n$/);
  });
});
