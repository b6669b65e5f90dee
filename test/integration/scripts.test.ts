import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

/** The scripts that make what nk-runtime runs, as far as they work without the network. */
const ROOT = fileURLToPath(new URL("../..", import.meta.url));

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "nk-scripts-"));
});

afterEach(() => rmSync(folder, { recursive: true }));

interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

function run(words: string[], env: Record<string, string> = {}): Outcome {
  const [program = "", ...args] = words;
  const options = { cwd: ROOT, encoding: "utf8", env: { ...process.env, ...env } } as const;
  const { status, stdout, stderr } = spawnSync(program, args, options);
  return { code: status, stdout, stderr };
}

/** A bash script that has sourced libraries of scripts/lib. */
const script = (libraries: string[], text: string, env: Record<string, string> = {}): Outcome =>
  run(["bash", "-euc", libraries.map((name) => `. scripts/lib/${name}.sh`).join("\n") + `\n${text}`], env);

describe("the guest image", () => {
  it("has the same bytes from whatever folder it is made in", () => {
    for (const part of ["guest/agent", "native/common"]) {
      cpSync(join(ROOT, part), join(folder, "another/clone", part), { recursive: true });
    }
    execFileSync("make", ["-s", "-j2", "-C", join(folder, "another/clone/guest/agent")]);
    const [ours, theirs] = [join(ROOT, "build/guest"), join(folder, "another/clone/build/guest")].map(
      (guest) => {
        const image = join(folder, "image");
        const env = { NK_AGENT: join(guest, "nk-agent"), NK_IMAGE: image };
        expect(run(["scripts/build-rootfs.sh"], env)).toMatchObject({ code: 0 });
        return readFileSync(join(image, "rootfs/initramfs.cpio"));
      },
    );
    expect(theirs?.equals(ours ?? Buffer.alloc(0))).toBe(true);
  });

  it("has the distribution's crun where a static one cannot be made, and it is said what that costs", () => {
    const env = { NK_CACHE: join(folder, "cache"), NK_APT_ETC: folder };
    const { code, stdout, stderr } = run(["scripts/build-crun.sh"], env);
    expect({ code, stdout }).toEqual({ code: 0, stdout: `${whereIs("crun")}\n` });
    expect(stderr).toMatch(/no package sources found/);
    expect(stderr).toMatch(/6 MiB of each guest's memory[^]*100 ms at each start/);
    expect(run(["scripts/build-crun.sh", "--static"], env)).toMatchObject({ code: 1, stdout: "" });
  });
});

describe("a script that needs packages", () => {
  it("names all that are missing at once where it may not install them", () => {
    // Nothing is installed, as this dpkg-query says, and we are not root.
    writeFileSync(join(folder, "dpkg-query"), "#!/bin/sh\n", { mode: 0o755 });
    writeFileSync(join(folder, "id"), "#!/bin/sh\necho 1000\n", { mode: 0o755 });
    const env = { PATH: `${folder}:${process.env["PATH"] ?? ""}` };
    const { code, stderr } = script(["image-common"], 'need_packages "$KERNEL_PACKAGES"', env);
    expect(code).toBe(1);
    expect(stderr).toMatch(/these packages are missing: .*gcc.*bison.*flex.*patch/);
    expect(stderr).toContain("run this as root: sudo");
  });
});

describe("a step that fails", () => {
  it("shows the lines around the first error, and the end", () => {
    const log = join(folder, "log");
    const lines = Array.from({ length: 100 }, (_, index) => `line ${index}`);
    lines[20] = "src/x.c:12:3: error: unknown type name 'y'";
    lines[60] = "src/z.c:1:1: error: another";
    writeFileSync(log, `${lines.join("\n")}\n`);
    const { stdout } = script(["progress"], `show_failure ${log} 10`);
    const shown = [...lines.slice(15, 26), "[…]", ...lines.slice(90)];
    expect(stdout.trimEnd().split("\n")).toEqual(shown);
  });

  it("shows its end alone when the error is in it", () => {
    const log = join(folder, "log");
    writeFileSync(log, "one\ntwo\nx.c:1: error: here\nmake: *** [x] Error 1\n");
    expect(script(["progress"], `show_failure ${log} 10`).stdout).toBe(readFileSync(log, "utf8"));
  });
});

it("the example bundles are closed to users, who could run what a container writes", () => {
  const bundle = join(folder, "bundle");
  expect(run(["examples/make-bundle.sh", "hello", bundle])).toMatchObject({ code: 0, stdout: `${bundle}\n` });
  expect(statSync(bundle).mode & 0o777).toBe(0o700);
});

it("a long step says that it lives", () => {
  const text = 'PROGRESS_EVERY_S=1; run_step "a long step" ../../scripts-test sleep 3';
  const { stdout } = script(["ui"], `NK_LOGS=${folder}/a/b; mkdir -p $NK_LOGS; ${text}`);
  expect(stdout).toMatch(/^ {2}a long step +1 s\n[^]* {2}a long step +ok +\d/);
});

it("what a script does at its end is done once, whatever steps it had", () => {
  const text = "trap 'echo ended' EXIT; for i in {1..100}; do run_step step step true; done";
  const { stdout } = script(["ui"], `NK_LOGS=${folder}; ${text}`);
  expect(stdout.match(/ok/g)).toHaveLength(100);
  expect(stdout.match(/ended/g)).toHaveLength(1);
});

it("a step in the background is told when it is waited for, and ends with the script", async () => {
  const program = `sleep ${1_000_000 + process.pid}`;
  const begun = `until pgrep -fx '${program}' >/dev/null; do sleep 0.1; done`;
  const text = `
    NK_LOGS=${folder} TEST_MARK=NK_X=1 TEST_TMP=/tmp
    trap end_steps EXIT
    start_step first false
    start_step second marked timeout 100 ${program}
    finish_step "the first" first || echo "status $?"
    ${begun}
    exit 7`;
  const { code, stdout } = script(["ui", "setup-tests"], text);
  expect(code).toBe(7);
  expect(stdout).toMatch(/the first +FAILED after [^]*status 1\n$/);
  await expect.poll(() => run(["pgrep", "-fx", program]).stdout).toBe("");
});

it("what sudo hides is said where Node.js is missing", () => {
  symlinkSync(whereIs("id"), join(folder, "id"));
  const text = 'say() { echo "$@"; }; die() { say "$@"; exit 1; }; require_node';
  const env = { PATH: "/usr/sbin:/sbin", SUDO_USER: "nobody" };
  const source = `. scripts/lib/node.sh; ${text}`;
  const { code, stdout } = run(["/bin/bash", "-uc", source], env);
  expect(code).toBe(1);
  expect(stdout).toMatch(/Node\.js 20\.19 or newer is needed, found none/);
  expect(stdout).toContain('sudo env PATH="$PATH"');
});

it("the launcher starts the node that the bundle was built with", () => {
  mkdirSync(join(folder, "bin"));
  mkdirSync(join(folder, "build"));
  copyFileSync(join(ROOT, "bin/nk-runtime"), join(folder, "bin/nk-runtime"));
  writeFileSync(join(folder, "build/nk-runtime.cjs"), "");
  writeFileSync(join(folder, "build/node"), '#!/bin/sh\necho "ours: $*"\n', { mode: 0o755 });
  const { stdout } = run([join(folder, "bin/nk-runtime"), "list"], { NK_NODE: "" });
  expect(stdout).toBe(`ours: ${folder}/bin/../build/nk-runtime.cjs list\n`);
});

it("the launcher says what to do where it was copied without the rest, and where nothing is built", () => {
  mkdirSync(join(folder, "bin"));
  const launcher = join(folder, "bin/nk-runtime");
  copyFileSync(join(ROOT, "bin/nk-runtime"), launcher);
  const copied = run([launcher, "list"], {});
  expect(copied.code).toBe(1);
  expect(copied.stderr).toContain(`expected ${folder}/bin/../lib/nano-sandbox/nk-runtime.cjs`);
  expect(copied.stderr).toContain(`link it instead (ln -s /path/to/nano-sandbox/bin/nk-runtime ${launcher})`);
  writeFileSync(join(folder, "package.json"), "{}");
  expect(run([launcher, "list"], {}).stderr).toMatch(/run \.\/scripts\/quickstart\.sh\n$/);
});

it("code that was compiled for another bundle of the same length is not run", () => {
  const path = (name: string): string => join(folder, "build", name);
  const write = (word: string): void => {
    const text = `(function (require) { console.log("${word}"); })\n`;
    writeFileSync(path("nk-cli.cjs"), `${text}//${createHash("sha256").update(text).digest("hex")}`);
  };
  const start = (name: string): string => run([process.execPath, path(name), "list"], {}).stdout;
  mkdirSync(join(folder, "build"));
  copyFileSync(join(ROOT, "src/start.cjs"), path("nk-runtime.cjs"));
  copyFileSync(join(ROOT, "build/nk-compile.cjs"), path("nk-compile.cjs"));
  write("old");
  expect([start("nk-compile.cjs"), start("nk-runtime.cjs")]).toEqual(["old\n", "old\n"]);
  write("new");
  expect(start("nk-runtime.cjs")).toBe("new\n");
  expect([start("nk-compile.cjs"), start("nk-runtime.cjs")]).toEqual(["new\n", "new\n"]);
});

function whereIs(program: string): string {
  return execFileSync("sh", ["-c", `command -v ${program}`], { encoding: "utf8" }).trim();
}
