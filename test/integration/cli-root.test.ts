import { execFile } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { NK_RUNTIME } from "../fixtures/nk-runtime.ts";

/** Somebody without any rights, and a copy of the program that everybody can reach. */
const NOBODY = ["--reuid=65534", "--regid=65534", "--clear-groups"];
let dir: string;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "nk-nobody-"));
  const build = join(dirname(NK_RUNTIME), "../build");
  for (const folder of ["bin", "build", "build/bin"]) mkdirSync(join(dir, folder));
  copyFileSync(NK_RUNTIME, join(dir, "bin/nk-runtime"));
  for (const name of ["nk-runtime.cjs", "nk-cli.cjs", "bin/nk-shadow"])
    copyFileSync(join(build, name), join(dir, "build", name));
  for (const part of ["kernels", "rootfs"])
    cpSync(join(build, "image", part), join(dir, "build/image", part), COPY);
  mkdirSync(join(dir, "bundle/rootfs"), { recursive: true });
  writeFileSync(join(dir, "bundle/config.json"), CONFIG);
  mkdirSync(join(dir, "theirs"), { mode: 0o700 });
  mkdirSync(join(dir, "own"));
  chmodSync(join(dir, "own"), 0o777);
  chmodSync(dir, 0o755);
}, 60_000);
afterAll(() => rmSync(dir, { recursive: true }));

/** What is prepared of an image is not needed. */
const COPY = { recursive: true, verbatimSymlinks: true };

const CONFIG = JSON.stringify({
  ociVersion: "1.0.2",
  process: { args: ["true"], cwd: "/", user: { uid: 0, gid: 0 } },
  root: { path: "rootfs" },
});

interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

function asNobody(words: string[]): Promise<Outcome> {
  const env = { PATH: process.env["PATH"], HOME: "/nonexistent", NK_CONFIG_DIR: "/nonexistent" };
  return new Promise((resolve) => {
    execFile(
      "setpriv",
      [...NOBODY, "bin/nk-runtime", ...words],
      { cwd: dir, env },
      (error, stdout, stderr) => {
        resolve({ code: typeof error?.code === "number" ? error.code : 0, stdout, stderr });
      },
    );
  });
}

describe("without root", () => {
  const theirs = "--root=theirs";
  it.each<[string[], number]>([
    [["list"], 1],
    [["state", "c1"], 1],
    [["create", "-b", "bundle", "c1"], 1],
    [["run", "--mode=vm", "-b", "bundle", "c1"], 1],
    [["exec", "c1", "ls", "-l"], 255],
    [["kill", "c1"], 1],
    [["delete", "--force", "c1"], 1],
    [["gc", "--dry-run"], 1],
    [["vm-create", "v1"], 1],
    [["vm-list"], 1],
    [["vm-delete", "--force", "v1"], 1],
  ])("%j says in one line how to run it", async (words, code) => {
    const outcome = await asNobody([theirs, ...words]);
    const command = ["sudo bin/nk-runtime", theirs, ...words].join(" ");
    expect(outcome).toEqual({ code, stdout: "", stderr: `nk-runtime: needs root: ${command}\n` });
  });

  it.each([
    ["run", "--mode=vm", "--image", "own/a b", "c1"],
    ["vm-net", "v 1"],
  ])(
    "images and networks of the host need it also with a state folder of one's own, and words are quoted: %s",
    async (...words) => {
      const { code, stderr } = await asNobody(["--root=own", ...words]);
      expect({ code, stderr }).toEqual({
        code: 1,
        stderr: `nk-runtime: needs root: sudo bin/nk-runtime --root=own ${words.map((word) => (word.includes(" ") ? `'${word}'` : word)).join(" ")}\n`,
      });
    },
  );

  it.each([
    [["--help"]],
    [["--version"]],
    [["run", "--help"]],
    [["features"]],
    [["vm-kernel", "list"]],
    [["doctor", "--config"]],
    [["spec", "--bundle", "own"]],
    [["--root=own", "list"]],
    [["--root=own", "delete", "--force", "none"]],
  ])("%j needs none", async (words) => {
    expect(await asNobody(words)).toMatchObject({ code: 0, stderr: "" });
  });

  it("a file that may not be written says it too", async () => {
    const { code, stderr } = await asNobody(["spec", "--bundle", "bundle/rootfs"]);
    expect(code).toBe(1);
    expect(stderr).toBe(
      "nk-runtime: cannot open bundle/rootfs/config.json: permission denied: needs root: sudo bin/nk-runtime spec --bundle bundle/rootfs\n",
    );
  });

  it("doctor proposes sudo for what only root may do, and no package", async () => {
    const { code, stdout } = await asNobody(["--root=theirs", "doctor", "--format=json"]);
    const { checks } = JSON.parse(stdout) as { checks: { name: string; status: string; mend: string }[] };
    const failed = checks.filter(({ status }) => status === "fail");
    expect(code).toBe(1);
    expect(failed.map(({ name }) => name)).toEqual(expect.arrayContaining(["guest kernel", "state folder"]));
    for (const { mend } of failed) expect(mend).toMatch(/sudo|as root/);
  });

  it("a container of spec --rootless runs, as root of its own", async () => {
    const mine = join(dir, "mine");
    mkdirSync(join(mine, "rootfs/bin"), { recursive: true });
    copyFileSync("/bin/busybox", join(mine, "rootfs/bin/busybox"));
    for (const folder of [mine, join(mine, "rootfs")]) chmodSync(folder, 0o777);
    expect(await asNobody(["spec", "--rootless", "--bundle", "mine"])).toMatchObject({ code: 0, stderr: "" });
    const path = join(mine, "config.json");
    const config = JSON.parse(readFileSync(path, "utf8")) as { process: object };
    const process = { ...config.process, terminal: false, args: ["/bin/busybox", "id", "-u"] };
    writeFileSync(path, JSON.stringify({ ...config, process }));
    expect(await asNobody(["--root=own", "run", "-b", "mine", "c1"])).toEqual({
      code: 0,
      stdout: "0\n",
      stderr: "",
    });
  });
});
