import { existsSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { makeBundle, type TestBundle } from "../fixtures/make-bundle.ts";
import { NkRuntime } from "../fixtures/nk-runtime.ts";

// In container mode the runtime of the host has its own copy of config.json; what we read ourselves is frozen as well.

let nk: NkRuntime;
let bundle: TestBundle;

beforeEach(async () => {
  nk = await NkRuntime.make();
});
afterEach(async () => {
  await nk.cleanup();
  await bundle.cleanup();
});

async function made(hooks: Record<string, unknown> = {}): Promise<void> {
  bundle = await makeBundle({ args: ["sleep", "1000"], env: ["FROM=create"], hooks });
  const { code } = await nk.run(["run", "-d", "-b", bundle.dir, "frozen1"], { streams: "ignored" });
  expect(code).toBe(0);
}

it("exec takes the environment that config.json had at create", async () => {
  await made();
  await bundle.edit((config) => (config["process"] = { env: ["FROM=later"] }));
  expect((await nk.run(["exec", "frozen1", "/bin/sh", "-c", "echo $FROM"])).stdout).toBe("create\n");
  const frozen = join(nk.root, "frozen1", "config.json");
  expect(statSync(frozen).mode & 0o777).toBe(0o600);
  expect(JSON.parse(readFileSync(frozen, "utf8"))).toMatchObject({ process: { args: ["sleep", "1000"] } });
});

it("removes a container whose bundle is gone", async () => {
  await made();
  rmSync(bundle.dir, { recursive: true });
  expect(await nk.run(["delete", "--force", "frozen1"])).toMatchObject({ code: 0, stderr: "" });
  expect(existsSync(join(nk.root, "frozen1"))).toBe(false);
});

it.each([
  [["--force"], "to the log alone", true],
  [[], "on standard error", false],
])("removes one whose poststop hook fails, and says so (delete %s) %s", async (flags, _, hasLog) => {
  await made({ poststop: [{ path: "/bin/false" }] });
  await nk.run(["kill", "frozen1", "KILL"]);
  await expect.poll(async () => (await nk.run(["state", "--short", "frozen1"])).stdout).toContain("stopped");
  const log = join(bundle.dir, "log");
  const { code, stderr } = await nk.run([...(hasLog ? ["--log", log] : []), "delete", ...flags, "frozen1"]);
  expect({ code, isSilent: stderr === "" }).toEqual({ code: 0, isSilent: hasLog });
  const said = hasLog ? readFileSync(log, "utf8") : stderr;
  expect(said).toMatch(hasLog ? /level=warning .*hook/ : /^nk-runtime: warning: .*hook/);
  expect((await nk.run(["list", "-q"])).stdout).toBe("");
});
