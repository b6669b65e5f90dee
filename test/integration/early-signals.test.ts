import type { ChildProcess } from "node:child_process";
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { makeBundle } from "../fixtures/make-bundle.ts";
import type { TestBundle } from "../fixtures/make-bundle.ts";
import { NkRuntime } from "../fixtures/nk-runtime.ts";

const READY = { interval: 10 };
/** The hook is one of those that run while runc makes the container; it says so and takes its time. */
const slowHook = (file: string) => ({ path: "/bin/sh", args: ["sh", "-c", `: > ${file}; sleep 0.3`] });

let nk: NkRuntime;
let bundle: TestBundle;
let count = 0;
let id: string;

beforeEach(async () => {
  nk = await NkRuntime.make();
  id = `early-${process.pid}-${(count += 1)}`;
});
afterEach(async () => {
  await nk.cleanup();
  await bundle.cleanup();
});

interface End {
  code: number | null;
  stderr: string;
}

async function endOf(child: ChildProcess): Promise<End> {
  let stderr = "";
  child.stderr?.on("data", (chunk: Buffer) => (stderr += chunk.toString("utf8")));
  child.stdout?.resume();
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, stderr })));
}

const isStopped = (pid: number): boolean => /^State:\tT/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));

function leftovers(): string[] {
  const cgroups = spawnSync("find", ["/sys/fs/cgroup", "-maxdepth", "4", "-name", `*${id}*`]).stdout;
  const inRoot = readdirSync(nk.root).filter((name) => name !== "~host");
  const host = join(nk.root, "~host", "runc");
  return [...inRoot, ...(existsSync(host) ? readdirSync(host) : []), ...String(cgroups).split("\n")].filter(
    (name) => name !== "",
  );
}

/** Each point below with each of them. */
const rows: [signal: "SIGINT" | "SIGTERM" | "SIGHUP", name: string, words: string[]][] = [
  ["SIGINT", "create", ["create"]],
  ["SIGTERM", "run", ["run"]],
  ["SIGHUP", "run -d", ["run", "-d"]],
];

describe.each(rows)("%s early in %s", (signal, name, words) => {
  const said = {
    code: 128 + constants.signals[signal],
    stderr: `nk-runtime: ${signal} ended the container before it was created\n`,
  };
  const start = (env: Record<string, string>): ChildProcess =>
    nk.spawn([...words, "--mode=container", "--bundle", bundle.dir, id], { env });

  it.each([
    ["before the claim", "read the bundle"],
    ["after the claim", `runc ${name.split(" ")[0] ?? ""}`],
  ])("%s: says so and leaves nothing", async (_, step) => {
    bundle = await makeBundle({ args: ["sleep", "100"] });
    const child = start({ NK_HALT_AT: step });
    const end = endOf(child);
    const pid = child.pid ?? 0;
    await expect.poll(() => isStopped(pid), READY).toBe(true);
    child.kill(signal);
    child.kill("SIGCONT");
    expect(await end).toEqual(said);
    expect(leftovers()).toEqual([]);
  });

  it("while runc makes the container: says so and leaves nothing", async () => {
    bundle = await makeBundle({ args: ["sleep", "100"] });
    const hooked = join(bundle.dir, "hooked");
    await bundle.edit((config) => (config["hooks"] = { createRuntime: [slowHook(hooked)] }));
    const child = start({});
    const end = endOf(child);
    await expect.poll(() => existsSync(hooked), READY).toBe(true);
    child.kill(signal);
    expect(await end).toEqual(said);
    expect(leftovers()).toEqual([]);
  });
});
