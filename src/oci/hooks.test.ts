import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { NkError } from "../base/errors.ts";
import { runHooks } from "./hooks.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "nk-hooks-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

const STATE = {
  ociVersion: "1.0.2",
  id: "c1",
  pid: 42,
  status: "creating",
  bundle: "/b",
  rootfs: "/b/rootfs",
  created: "now",
  annotations: {},
  owner: "root",
  mode: "vm",
};

function hook(script: string, members: Record<string, unknown> = {}): Record<string, unknown> {
  const path = join(dir, `hook-${Math.random().toString(36).slice(2)}`);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return { path, ...members };
}

function writeHooks(hooks: Record<string, unknown>): void {
  writeFileSync(join(dir, "config.json"), JSON.stringify({ hooks }));
}

async function failure(work: Promise<unknown>): Promise<NkError> {
  return work.then(
    () => {
      throw new Error("expected a failure");
    },
    (error: NkError) => error,
  );
}

it("runs hooks in order, with the state on standard input, args and env", async () => {
  writeHooks({
    prestart: [
      hook(`cat > ${dir}/state; echo "$0 $1 $NAME" > ${dir}/order`, {
        args: ["zero", "one"],
        env: ["NAME=a=b"],
      }),
      hook(`echo second >> ${dir}/order`),
    ],
    poststop: [hook(`touch ${dir}/not-mine`)],
  });
  expect(await runHooks("prestart", dir, STATE)).toEqual([]);
  expect(JSON.parse(readFileSync(join(dir, "state"), "utf8"))).toMatchObject({
    id: "c1",
    pid: 42,
    status: "creating",
  });
  expect(readFileSync(join(dir, "order"), "utf8")).toMatch(/ one a=b\nsecond\n$/);
  expect(existsSync(join(dir, "not-mine"))).toBe(false);
});

it("stops at a failure and shows the end of its output", async () => {
  writeHooks({ createRuntime: [hook("echo no bridge >&2; exit 3"), hook(`touch ${dir}/ran`)] });
  const error = await failure(runHooks("createRuntime", dir, STATE));
  expect(error.message).toMatch(/^createRuntime hook \S+ failed with exit status 3$/);
  expect(error.log).toBe("no bridge");
  expect(existsSync(join(dir, "ran"))).toBe(false);
});

it("goes on after a failed poststop hook and returns what failed", async () => {
  writeHooks({ poststop: [hook("echo one; echo why; exit 1"), hook(`touch ${dir}/ran`)] });
  expect(await runHooks("poststop", dir, STATE)).toEqual([
    expect.stringMatching(/failed with exit status 1: why$/),
  ]);
  expect(existsSync(join(dir, "ran"))).toBe(true);
});

it("ends a hook at its timeout", async () => {
  writeHooks({ prestart: [hook("exec sleep 100", { timeout: 1 })] });
  const error = await failure(runHooks("prestart", dir, STATE));
  expect(error.message).toContain("did not end within its timeout of 1000 ms");
});

it("does not wait for what a hook leaves in the background", async () => {
  writeHooks({ prestart: [hook("sleep 5 & exit 0")] });
  const startMs = performance.now();
  await runHooks("prestart", dir, STATE);
  expect(performance.now() - startMs).toBeLessThan(4000);
});

it("tells which hook could not be started", async () => {
  writeHooks({ prestart: [{ path: "/no/such/hook" }] });
  const error = await failure(runHooks("prestart", dir, STATE));
  expect(error.message).toMatch(/^prestart hook \/no\/such\/hook could not be started: /);
});

it("runs in the bundle, and elsewhere when that is gone", async () => {
  const bundle = join(dir, "bundle");
  mkdirSync(bundle);
  writeHooks({ poststop: [hook(`pwd >>${dir}/places`)] });
  await runHooks("poststop", dir, { ...STATE, bundle });
  rmSync(bundle, { recursive: true });
  expect(await runHooks("poststop", dir, { ...STATE, bundle })).toEqual([]);
  expect(readFileSync(join(dir, "places"), "utf8")).toBe(`${bundle}\n/\n`);
});

it("says that the frozen config.json is not there", async () => {
  const error = await failure(runHooks("prestart", dir, STATE));
  expect(error.code).toBe("DAMAGED");
  expect(error.message).toContain(`${dir}/config.json`);
});

it("does nothing without hooks", async () => {
  writeFileSync(join(dir, "config.json"), "{}");
  expect(await runHooks("poststart", dir, STATE)).toEqual([]);
});
