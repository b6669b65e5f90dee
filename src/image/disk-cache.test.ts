import { execFileSync } from "node:child_process";
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { processStartTime } from "../host/process-info.ts";
import { descriptorPath, DiskCache, staleDisks, type DiskFile } from "./disk-cache.ts";

const DAY_MS = 24 * 3600 * 1000;

let dir: string;
let cache: DiskCache;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "nk-cache-"));
  cache = new DiskCache([], dir);
});

afterEach(() => rmSync(dir, { recursive: true }));

function drop(file: DiskFile): void {
  file.forget();
  closeSync(file.fd);
}

const write =
  (text: string) =>
  async (path: string): Promise<void> =>
    writeFileSync(path, text);

it("shows an image when it is whole, and hands out the same again", async () => {
  const { fd } = await cache.make(async (path) => {
    expect(cache.has("a")).toBe(false);
    writeFileSync(path, "image");
  }, "a");
  const again = cache.open("a")?.fd ?? -1;
  expect(readFileSync(descriptorPath(again), "utf8")).toBe("image");
  expect(statSync(join(dir, "a")).mode & 0o777).toBe(0o644);
  closeSync(fd);
  closeSync(again);
  expect(cache.open("b")).toBeUndefined();
});

it("keeps a removed image for those who have it open", async () => {
  const { fd } = await cache.make(write("image"), "a");
  rmSync(join(dir, "a"));
  expect(execFileSync("cat", [descriptorPath(fd)], { encoding: "utf8" })).toBe("image");
  closeSync(fd);
});

it("leaves nothing of a file without a name, nor of one that failed", async () => {
  const own = await cache.make(write("own"), undefined);
  expect(readFileSync(own.path, "utf8")).toBe("own");
  own.forget();
  expect(readFileSync(descriptorPath(own.fd), "utf8")).toBe("own");
  closeSync(own.fd);
  await expect(cache.make(() => Promise.reject(new Error("disk full")), "a")).rejects.toThrow("disk full");
  expect(readdirSync(dir)).toEqual([]);
});

it("lets the last of two makers win", async () => {
  const files = await Promise.all([cache.make(write("one"), "a"), cache.make(write("one"), "a")]);
  for (const { fd } of files) closeSync(fd);
  expect(readdirSync(dir)).toEqual(["a"]);
});

it("prunes what was not used for a month, and what a killed maker left", async () => {
  drop(await cache.make(write("old"), "old"));
  drop(await cache.make(write("used"), "used"));
  drop(await cache.make(write("new"), "new"));
  const longAgo = new Date(Date.now() - 40 * DAY_MS);
  utimesSync(join(dir, "old"), longAgo, longAgo);
  utimesSync(join(dir, "used"), longAgo, longAgo);
  closeSync(cache.open("used")?.fd ?? -1);
  mkdirSync(join(dir, "build-999999999-1-abc"));
  const busy = `build-${process.pid}-${processStartTime(process.pid) ?? 0}-abc`;
  mkdirSync(join(dir, busy));
  drop(await cache.make(write("own"), undefined));
  expect(readdirSync(dir).sort()).toEqual([busy, "new", "used"].sort());
});

it("says why something may go", async () => {
  drop(await cache.make(write("new"), "new"));
  mkdirSync(join(dir, "build-999999999-1-abc"));
  expect(staleDisks(dir)).toEqual([
    { path: join(dir, "build-999999999-1-abc"), reason: "the process that made it was killed" },
  ]);
  expect(staleDisks(join(dir, "none"))).toEqual([]);
});

it("prunes the least recently used beyond its size, never the newest", async () => {
  cache = new DiskCache([], dir, 8 * 4096);
  for (const [index, name] of ["first", "second", "third"].entries()) {
    drop(await cache.make(write("x".repeat(5 * 4096)), name));
    const used = new Date(Date.now() - (10 - index) * 1000);
    utimesSync(join(dir, name), used, used);
  }
  drop(await cache.make(write("own"), undefined));
  expect(readdirSync(dir)).toEqual(["third"]);
});
