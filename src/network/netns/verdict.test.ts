import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { mirrorVerdict } from "./verdict.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "nk-verdict-"));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(dir, { recursive: true });
});

/** A helper that says that, and counts its calls. */
function helper(script: string): void {
  const path = join(dir, "helper");
  writeFileSync(path, `#!/bin/sh\necho "$*" >>${dir}/calls\n${script}\n`);
  chmodSync(path, 0o755);
  vi.stubEnv("NK_SHADOW", path);
}

test.each([
  ["echo works", { works: true, reason: "frames that are redirected into a tap come out of it" }],
  [
    "echo drops; exit 1",
    { works: false, reason: "this host's kernel drops frames that are redirected into a tap" },
  ],
  [
    "echo refuses: No such file; exit 1",
    { works: false, reason: "this host's kernel cannot do that (No such file)" },
  ],
])("%s is a verdict, asked for once a boot", async (script, verdict) => {
  helper(script);
  const kept = join(dir, "kept", "mirror.json");
  expect(await mirrorVerdict(kept)).toEqual(verdict);
  expect(await mirrorVerdict(kept)).toEqual(verdict);
  expect(readFileSync(join(dir, "calls"), "utf8")).toBe("probe-mirror\n");
  writeFileSync(kept, readFileSync(kept, "utf8").replace(/"key":"[^"]*"/, '"key":"another boot"'));
  await mirrorVerdict(kept);
  expect(readFileSync(join(dir, "calls"), "utf8")).toBe("probe-mirror\nprobe-mirror\n");
});

test("what cannot be tried is no verdict", async () => {
  helper("echo 'nk-shadow probe-mirror: cannot open /dev/net/tun' >&2; exit 2");
  const kept = join(dir, "mirror.json");
  await expect(mirrorVerdict(kept)).rejects.toThrow(
    "cannot try to redirect a frame into a tap: nk-shadow probe-mirror: cannot open /dev/net/tun",
  );
  expect(() => readFileSync(kept)).toThrow();
});
