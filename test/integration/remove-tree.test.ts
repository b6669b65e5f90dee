import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { removeTree } from "../../src/host/remove-tree.ts";
import { removeStaging } from "../../src/sandbox/microvm/copy-back.ts";

process.env["NK_SHADOW"] ??= resolve("build/bin/nk-shadow");

let dir: string;
let tree: string;
let canary: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "nk-remove-"));
  tree = join(dir, "tree");
  canary = join(dir, "canary");
  for (const folder of [tree, canary]) mkdirSync(folder);
  writeFileSync(join(canary, "file"), "");
});
afterEach(() => rmSync(dir, { recursive: true }));

/** 75 folders in each other, of names of 200 letters, which nobody can make by one path. */
function makeDeep(folder: string): void {
  const path = Array.from({ length: 15 }, () => "7".repeat(200)).join("/");
  execFileSync(
    "/bin/sh",
    ["-c", `for i in 1 2 3 4 5; do mkdir -p ${path} && cd -P ${path} || exit 1; done`],
    {
      cwd: folder,
    },
  );
}

function nameOf(pid: number): string {
  return readFileSync(`/proc/${pid}/comm`, "utf8");
}

describe("removeTree", () => {
  it("removes a tree that is deeper than a path can say", () => {
    makeDeep(tree);
    removeTree(tree);
    expect(readdirSync(dir)).toEqual(["canary"]);
  });

  it.each(["open a folder to remove", "empty a folder to remove"])(
    "removes nothing elsewhere when a folder is exchanged for a link: %s",
    async (step) => {
      const folder = join(tree, "inner");
      mkdirSync(folder);
      writeFileSync(join(folder, "file"), "");
      const remover = spawn(process.env["NK_SHADOW"] ?? "", ["remove", dir, "tree"], {
        env: { NK_HALT_AT: step },
        stdio: "ignore",
      });
      const ended = once(remover, "exit");
      await expect.poll(() => nameOf(remover.pid ?? 0)).toBe("nk-halted\n");
      renameSync(folder, join(dir, "moved"));
      symlinkSync(canary, folder);
      remover.kill("SIGCONT");
      expect(await ended).toEqual([0, null]);
      expect(readdirSync(dir).sort()).toEqual(["canary", "moved"]);
      expect(readdirSync(canary)).toEqual(["file"]);
    },
  );

  it("leaves what is mounted in it, and says so", () => {
    const mounted = join(tree, "mounted");
    mkdirSync(mounted);
    execFileSync("mount", ["--bind", canary, mounted]);
    try {
      expect(() => removeTree(tree)).toThrow(/^cannot remove .*\/tree: mounted: /);
      expect(readdirSync(canary)).toEqual(["file"]);
    } finally {
      execFileSync("umount", [mounted]);
    }
    removeTree(tree);
    expect(existsSync(tree)).toBe(false);
  });

  it("removes a link and not what it names, a file, and what is not there", () => {
    const link = join(dir, "link");
    const file = join(dir, "file");
    symlinkSync(canary, link);
    writeFileSync(file, "");
    for (const path of [link, file, file, join(dir, "none/none")]) removeTree(path);
    expect(readdirSync(dir).sort()).toEqual(["canary", "tree"]);
    expect(readFileSync(join(canary, "file"), "utf8")).toBe("");
  });

  it("shows a name as text", () => {
    const name = "a\u001b[2J\nnk-runtime: forged";
    mkdirSync(join(tree, name));
    execFileSync("mount", ["-t", "tmpfs", "none", join(tree, name)]);
    try {
      expect(() => removeTree(tree)).toThrow("a\\x1b[2J\\nnk-runtime: forged: ");
    } finally {
      execFileSync("umount", [join(tree, name)]);
    }
  });

  it("no remains of a --vm-sync that was cut off keep a container from its end", () => {
    const staging = join(tree, ".nk-sync");
    mkdirSync(staging);
    makeDeep(staging);
    removeStaging(tree);
    expect(readdirSync(tree)).toEqual([]);
    mkdirSync(staging);
    execFileSync("mount", ["--bind", canary, staging]);
    try {
      removeStaging(tree);
      expect(readdirSync(canary)).toEqual(["file"]);
    } finally {
      execFileSync("umount", [staging]);
    }
  });
});
