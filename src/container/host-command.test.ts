import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { findProgram } from "../host/programs.ts";
import { runQuietly } from "./host-command.ts";

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "nk-host-command-"));
  mkdirSync(join(dir, "rootfs"));
  writeFileSync(join(dir, "config.json"), '{"ociVersion":"1.0.2"}');
});

afterEach(() => rmSync(dir, { recursive: true }));

// In JSON, crun writes JSON to the container's standard error when its program cannot be executed.
it.each([
  ["runc", "json", /process property must not be empty/],
  ["crun", "text", /^invalid config file, no 'linux' block specified$/],
])("an error of %s is taken from its log, as %s", async (name, format, message) => {
  const runtime = join(dir, name);
  const real = findProgram(name, process.env["PATH"] ?? "");
  writeFileSync(runtime, `#!/bin/sh\necho "$*" >${dir}/args\nexec ${real} "$@"\n`, { mode: 0o755 });
  const host = { runtime, root: join(dir, "root"), reason: "a test" };
  const failed = runQuietly({ host, args: ["run", "--bundle", dir, "x"], stateDir: dir, why: "a test" });
  await expect(failed).rejects.toMatchObject({ code: "RUNTIME", message: expect.stringMatching(message) });
  expect(readFileSync(join(dir, "args"), "utf8")).toContain(` --log-format ${format} `);
});
