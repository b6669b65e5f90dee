import { execFileSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectOneLine } from "../fixtures/refused.ts";
import { Runtime } from "./runtime.ts";

let runtime: Runtime;
let dir: string;

beforeAll(() => {
  runtime = new Runtime();
  dir = mkdtempSync(join(tmpdir(), "nk-full-"));
});
afterAll(async () => {
  expect(await runtime.close()).toEqual([]);
  rmSync(dir, { recursive: true });
});

describe("a full disk", () => {
  const BLOCK = 4096;
  const root = (): string => join(dir, "full");

  /** Runs `work` with the state folder on a file system that has `freeBlocks` left. */
  async function withFree(freeBlocks: number, work: () => Promise<void>): Promise<void> {
    mkdirSync(root(), { recursive: true });
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=512k", "tmpfs", root()]);
    try {
      fill(freeBlocks);
      await work();
    } finally {
      execFileSync("umount", [root()]);
    }
  }

  function fill(freeBlocks: number): void {
    const { bavail } = statfsSync(root());
    writeFileSync(join(root(), ".fill"), Buffer.alloc((bavail - freeBlocks) * BLOCK));
  }

  const visible = (): string[] => readdirSync(root()).filter((name) => name !== ".fill" && name !== "~host");

  it.each([0, 1, 2, 3, 4])("with %i blocks left is an error that names the file", async (freeBlocks) => {
    await withFree(freeBlocks, async () => {
      const { dir: bundle } = await runtime.bundle({ args: ["echo", "ran"] });
      const args = ["--root", root(), "run", "--mode=vm", "-b", bundle, runtime.id()];
      const { code, stderr } = await runtime.call(args);
      expect({ code, left: visible() }).toEqual({ code: 1, left: [] });
      expect(stderr).toMatch(/cannot (write|make) .*: no space left on device/);
      expectOneLine(stderr);
    });
  });

  it("that fills up while a container runs costs neither its output, nor its status, nor its record", async () => {
    await withFree(100, async () => {
      const { dir: waiting } = await runtime.bundle({ args: ["sh", "-c", "echo up; cat; exit 7"] });
      const id = runtime.id();
      const stateFile = join(root(), id, "state.json");
      const result = await runtime.call(["--root", root(), "run", "--keep", "--mode=vm", "-b", waiting, id], {
        stdin: Buffer.alloc(0),
        during: (child) => child.stdout?.once("data", () => fill(0)),
      });
      expect(result).toMatchObject({ code: 7, stdout: "up\n" });
      expect(JSON.parse(readFileSync(stateFile, "utf8"))).toMatchObject({ id, version: 1 });
      expect(await runtime.ok(["--root", root(), "state", "--short", id])).toBe("stopped (vm)\n");
      await runtime.ok(["--root", root(), "delete", id]);
    });
  });
});
