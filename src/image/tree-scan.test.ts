import { execFileSync } from "node:child_process";
import {
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { scanTree } from "./tree-scan.ts";

let dir: string;
const at = (name: string): string => join(dir, name);

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "nk-scan-"));
  mkdirSync(at("d"));
  writeFileSync(at("d/file"), "content");
  writeFileSync(at("d/other"), "content");
  symlinkSync("file", at("d/link"));
});

afterEach(() => rmSync(dir, { recursive: true }));

describe("the key of a tree", () => {
  it("stays while nothing changes, also when files are read", async () => {
    const { key } = await scanTree(dir);
    execFileSync("cat", [at("d/file")]);
    expect((await scanTree(dir)).key).toBe(key);
  });

  it("does not depend on where the tree is", async () => {
    const link = `${dir}-link`;
    symlinkSync(dir, link);
    try {
      expect((await scanTree(`${link}/.`)).key).toBe((await scanTree(`${dir}/.`)).key);
    } finally {
      rmSync(link);
    }
  });

  const old = new Date("2001-01-01");
  it.each<[string, () => void]>([
    ["content of the same length, with the old time put back", () => rewrite("CONTENT")],
    ["the mode", () => chmodSync(at("d/file"), 0o600)],
    ["the modification time", () => utimesSync(at("d/file"), old, old)],
    ["an extended attribute", () => execFileSync("setfattr", ["-n", "user.a", "-v", "b", at("d/file")])],
    ["a name", () => renameSync(at("d/file"), at("d/renamed"))],
    ["two files' places", () => swap("d/file", "d/other")],
    ["a new hard link", () => linkSync(at("d/file"), at("hard"))],
    ["a link's target", () => retarget()],
    ["a hole at the end", () => truncateSync(at("d/file"), 100_000)],
    ["an attribute of the top folder", () => chmodSync(dir, 0o711)],
  ])("changes with %s", async (_what, change) => {
    // Another tick of the kernel's clock than that in which the files were made: what `TreeImages` waits for.
    const made = process.hrtime.bigint();
    while (process.hrtime.bigint() - made < 20_000_000n);
    const { key } = await scanTree(dir);
    change();
    expect((await scanTree(dir)).key).not.toBe(key);
  });

  function rewrite(text: string): void {
    utimesSync(at("d/file"), old, old);
    writeFileSync(at("d/file"), text);
    utimesSync(at("d/file"), old, old);
  }

  function swap(one: string, other: string): void {
    renameSync(at(one), at("x"));
    renameSync(at(other), at(one));
    renameSync(at("x"), at(other));
  }

  function retarget(): void {
    rmSync(at("d/link"));
    symlinkSync("gone", at("d/link"));
  }
});

describe("a scan", () => {
  it("counts what an image needs to know", async () => {
    writeFileSync(at("sparse"), "");
    truncateSync(at("sparse"), 10 * 1024 * 1024);
    utimesSync(at("d/file"), 5_000_000_000, 5_000_000_000);
    writeFileSync(at("n".repeat(255)), "");
    const scan = await scanTree(dir);
    expect(scan).toMatchObject({ entries: 7, holeBytes: 10 * 1024 * 1024, longestNameBytes: 255 });
    expect(scan.newestS).toBe(5_000_000_000);
  });

  it("takes names that are no text", async () => {
    execFileSync("sh", ["-c", `touch "$(printf '${dir}/\\377\\376')"`]);
    expect((await scanTree(dir)).entries).toBe(6);
  });

  it("says which folder it cannot read", async () => {
    await expect(scanTree(at("none"))).rejects.toThrow(/cannot read the root file system: .*none/);
  });
});
