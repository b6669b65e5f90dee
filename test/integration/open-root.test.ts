import { chmodSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { makeBundle, type TestBundle } from "../fixtures/make-bundle.ts";
import { NkRuntime } from "../fixtures/nk-runtime.ts";

/** Set-user-ID programs that a container leaves in a root file system where users of the host can run them. */
let nk: NkRuntime;
let bundle: TestBundle;

beforeEach(async () => {
  nk = await NkRuntime.make();
  bundle = await makeBundle({ args: ["true"] });
});

afterEach(async () => {
  await nk.cleanup();
  await bundle.cleanup();
});

it("run warns of a bundle that is open, or its log has that, and says how to close it", async () => {
  chmodSync(bundle.dir, 0o755);
  const { code, stderr } = await nk.run(["run", "--bundle", bundle.dir, "open-box"]);
  expect({ code, stderr }).toEqual({
    code: 0,
    stderr: expect.stringMatching(/^nk-runtime: warning: users of this host can run .*\n$/) as unknown,
  });
  expect(stderr).toContain(`in ${bundle.rootfs}: chmod 700 ${bundle.dir}\n`);
  const log = join(bundle.dir, "log");
  const logged = await nk.run(["--log", log, "run", "--bundle", bundle.dir, "open-box"]);
  expect(logged).toMatchObject({ code: 0, stderr: "" });
  expect(readFileSync(log, "utf8")).toContain(`chmod 700 ${bundle.dir}`);
});

it("run is silent of one that is closed", async () => {
  expect(await nk.run(["run", "--bundle", bundle.dir, "open-box"])).toMatchObject({ code: 0, stderr: "" });
});

it("vm-create warns of the folder that its guest may write to", async () => {
  const create = ["vm-create", "--vm-vmm=qemu", "--vm-accel=tcg", "--bundle", bundle.dir];
  expect(await nk.run([...create, "closed"])).toMatchObject({ code: 0, stderr: "" });
  chmodSync(bundle.dir, 0o755);
  const { code, stderr } = await nk.run([...create, "open"]);
  expect({ code, warned: stderr.includes(`chmod 700 ${bundle.dir}`) }).toEqual({ code: 0, warned: true });
});
