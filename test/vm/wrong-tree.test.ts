import { execFileSync } from "node:child_process";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { staticProgram } from "../fixtures/static-program.ts";
import { VIRTIOFSDS } from "../fixtures/virtiofsd.ts";
import { Runtime } from "./runtime.ts";
import { findVictim } from "./victims.ts";

/** A server that shows another tree than it should: nothing of it may be used. */

const SHADOW =
  process.env["NK_SHADOW"] ?? fileURLToPath(new URL("../../build/bin/nk-shadow", import.meta.url));
const OTHERS =
  /the guest does not see the container's files: .*found "[0-9a-f]{32}".*\(during: agent: mount\)/;
const NONE =
  /the guest does not see the container's files: .*\/proof cannot be read: No such file or directory/;

let runtime: Runtime;
let swappings = 0;

beforeEach(() => {
  runtime = new Runtime();
});

afterEach(async () => {
  expect(await runtime.close()).toEqual([]);
});

/** An nk-shadow that changes words of `confine`, each with the one before it, by a shell's `case`. */
function swapping(cases: string): NodeJS.ProcessEnv {
  const path = join(runtime.root, `.swapping-${(swappings += 1)}`);
  const swap = `b=$a; case "$last $a" in ${cases} esac; last=$b; set -- "$@" "$a"`;
  const loop = `n=$#; while [ $n -gt 0 ]; do a=$1; shift; ${swap}; n=$((n - 1)); done`;
  writeFileSync(path, `#!/bin/sh\n[ "$1" != confine ] || { ${loop}; }\nexec ${SHADOW} "$@"\n`);
  chmodSync(path, 0o755);
  return { NK_SHADOW: path };
}

async function expectRefused(
  id: string,
  args: string[],
  message: RegExp,
  env: NodeJS.ProcessEnv = {},
): Promise<void> {
  const log = join(runtime.root, ".log");
  const { code, stderr } = await runtime.call([`--log=${log}`, "--log-format=json", ...args], { env });
  expect(stderr).toMatch(message);
  expect(code).toBe(1);
  const line = readFileSync(log, "utf8").trimEnd().split("\n").at(-1) ?? "";
  // What a VM's monitor says comes as text alone.
  const joined = args.includes("--vm");
  expect(JSON.parse(line)).toMatchObject({ code: joined ? "RUNTIME" : "SHARE" });
  expect((await runtime.call(["state", id])).stderr).toContain("does not exist");
}

describe.each(VIRTIOFSDS)("virtiofsd in $flavour", (server) => {
  const note = server.obstacle === undefined ? "" : ` (not tried: ${server.obstacle})`;
  const flags = ["--mode=vm", "--vm-share=virtiofs"];
  const env = { NK_VIRTIOFSD: server.path };

  describe.skipIf(server.obstacle !== undefined)(`that shows${note}`, () => {
    it("another folder fails the start", async () => {
      const { dir } = await runtime.bundle({ args: ["true"] });
      const id = runtime.id();
      const swap = swapping("*source=/tree) a=source=/ ;; *--shared-dir=/tree) a=--shared-dir=/ ;;");
      await expectRefused(id, ["run", ...flags, "--bundle", dir, id], NONE, { ...env, ...swap });
    });

    it("another container's tree fails the start, of a container on disks as well", async () => {
      const other = await runtime.background();
      const swap = swapping(`"--tree "*) a=${runtime.record(other).pid} ;;`);
      const { dir } = await runtime.bundle({
        args: ["true"],
        mounts: [{ destination: "/data", source: runtime.root, options: ["rbind"] }],
      });
      for (const share of ["virtiofs", "block"]) {
        const id = runtime.id();
        const args = ["run", "--mode=vm", `--vm-share=${share}`, "--bundle", dir, id];
        await expectRefused(id, args, OTHERS, { ...env, ...swap });
      }
    });
  });
});

describe("QEMU that serves 9p", () => {
  it("and shows another folder or another container's tree fails the start", async () => {
    const other = await runtime.background();
    const { dir } = await runtime.bundle({ args: ["true"] });
    const root = swapping('"-fsdev "*) a="${a%%path=*}path=/${a#*path=/tree}" ;;');
    const tree = swapping(`"--tree "*) a=${runtime.record(other).pid} ;;`);
    for (const [swap, message] of [
      [root, NONE],
      [tree, OTHERS],
    ] as const) {
      const id = runtime.id();
      await expectRefused(id, ["run", "--mode=vm", "--vm-share=9p", "--bundle", dir, id], message, swap);
    }
  });
});

it("a container that joins a VM is refused when its tree is not where it should be", async () => {
  const vm = runtime.id();
  await runtime.ok(["vm-create", vm]);
  await runtime.detached(["vm-start", vm]);
  const { dir } = await runtime.bundle({ args: ["true"] });
  const id = runtime.id();
  await runtime.ok(["run", "--vm", vm, "--bundle", dir, runtime.id()]);
  const server = await findVictim(runtime.root, "virtiofsd");
  execFileSync(staticProgram("cut-propagation"), [String(server)]);
  await expectRefused(id, ["run", "--vm", vm, "--bundle", dir, id], NONE);
  await runtime.ok(["vm-delete", "--force", vm]);
});

it("the container sees no proof", async () => {
  const { dir } = await runtime.bundle({ args: ["sh", "-c", "find / -xdev -name proof; cat /proc/mounts"] });
  const { stdout } = await runtime.call(["run", "--mode=vm", "--bundle", dir, runtime.id()]);
  expect(stdout).not.toContain("proof");
});
