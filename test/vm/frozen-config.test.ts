import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { started } from "./machine-checks.ts";
import { Runtime } from "./runtime.ts";
import { within } from "./victims.ts";

/** config.json is that of `create`: whoever writes to the bundle later, a guest among them, changes nothing. */
let runtime: Runtime;

beforeEach(() => {
  runtime = new Runtime();
});
afterEach(async () => {
  expect(await runtime.close()).toEqual([]);
});

const touch = (path: string): unknown => ({ path: "/bin/sh", args: ["sh", "-c", `echo >>${path}`] });

it("runs the hooks of create, and none that came later", async () => {
  const seen = (name: string): string => join(runtime.root, `.${name}`);
  const hooks = { poststart: [touch(seen("start"))], poststop: [touch(seen("stop"))] };
  const bundle = await runtime.bundle({ args: ["sleep", "1000000"], env: ["FROM=create"], hooks });
  const id = runtime.id();
  await runtime.detached(["create", "--mode=vm", "--bundle", bundle.dir, id]);
  await bundle.edit((config) => {
    config["hooks"] = { poststart: [touch(seen("evil"))], poststop: [touch(seen("evil"))] };
    config["process"] = { env: ["FROM=later"] };
  });
  await runtime.ok(["start", id]);
  expect(await runtime.ok(["exec", id, "sh", "-c", "echo $FROM"])).toBe("create\n");
  await runtime.ok(["delete", "--force", id]);
  expect(["start", "stop", "evil"].map((name) => existsSync(seen(name)))).toEqual([true, true, false]);
});

it("removes a container whose bundle is gone, and runs its hooks", async () => {
  const seen = join(runtime.root, ".stop");
  const bundle = await runtime.bundle({
    args: ["sleep", "1000000"],
    hooks: { poststop: [touch(seen), { path: "/no/such" }] },
  });
  const id = runtime.id();
  await runtime.detached(["run", "-d", "--mode=vm", "--bundle", bundle.dir, id]);
  rmSync(bundle.dir, { recursive: true });
  const { code, stderr } = await runtime.call(["delete", "--force", id]);
  expect(code).toBe(0);
  expect(stderr).toMatch(/^nk-runtime: warning: poststop hook \/no\/such could not be started/);
  expect(existsSync(seen)).toBe(true);
  expect(existsSync(join(runtime.root, id))).toBe(false);
});

it("gives the guest of a VM made by hand its bundle's root file system to write, and nothing else of it", async () => {
  const vm = runtime.id();
  const { dir, rootfs } = await runtime.bundle();
  const before = readFileSync(join(dir, "config.json"), "utf8");
  const script =
    "echo x >/b/new; echo x >/b/config.json; rm /b/config.json; echo x >/b/rootfs/mark; sleep 1000";
  const config = {
    ociVersion: "1.0.2",
    process: { args: ["sh", "-c", script], cwd: "/", env: ["PATH=/bin"], user: { uid: 0, gid: 0 } },
    root: { path: "x" },
    mounts: [
      { destination: "/dev", type: "tmpfs", source: "tmpfs" },
      { destination: "/b", type: "bind", source: "/run/nk/bundle", options: ["rbind"] },
    ],
    linux: { namespaces: [{ type: "mount" }] },
  };
  await started(runtime, vm, "--bundle", dir);
  const lines = [
    { type: "create", id: "in", config, root: "/run/nk/bundle/rootfs" },
    { type: "start", id: "in" },
  ].map((line) => `${JSON.stringify(line)}\n`);
  await runtime.ok(["vm-agent", vm], { stdin: Buffer.from(lines.join("")) });
  await within(30_000, () => existsSync(join(rootfs, "mark")) || undefined);
  expect(readFileSync(join(dir, "config.json"), "utf8")).toBe(before);
  expect(existsSync(join(dir, "new"))).toBe(false);
  await runtime.ok(["vm-delete", "--force", vm]);
});

it("runs the poststop hooks of what vm-delete --force removes", async () => {
  const vm = runtime.id();
  const seen = join(runtime.root, ".stop");
  await started(runtime, vm);
  const { dir } = await runtime.bundle({ args: ["sleep", "1000"], hooks: { poststop: [touch(seen)] } });
  await runtime.detached(["run", "-d", "--vm", vm, "--bundle", dir, runtime.id()]);
  writeFileSync(join(dir, "config.json"), "{}");
  await runtime.ok(["vm-delete", "--force", vm]);
  expect(existsSync(seen)).toBe(true);
  expect(await runtime.ok(["list", "-q"])).toBe("");
});
