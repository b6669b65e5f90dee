import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { ContainerRecord } from "./record.ts";
import { RecordKeeper } from "./record-keeper.ts";

let root: string;
let dir: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "nk-keeper-"));
  dir = join(root, "c1");
  mkdirSync(dir);
});
afterEach(() => rmSync(root, { recursive: true }));

const record = (status: string): ContainerRecord => ({ id: "c1", status }) as ContainerRecord;

it("writes where the container is", () => {
  const keeper = new RecordKeeper(dir);
  keeper.write(record("running"));
  renameSync(dir, join(root, "moved"));
  keeper.writeLast(record("stopped"));
  expect(readFileSync(join(root, "moved/state.json"), "utf8")).toContain("stopped");
});

it("writes nothing for a container that has gone, nor to the next of its name", () => {
  const keeper = new RecordKeeper(dir);
  rmSync(dir, { recursive: true });
  mkdirSync(dir);
  expect(() => keeper.write(record("running"))).toThrow(/cannot write/);
  keeper.writeLast(record("stopped"));
  expect(readdirSync(dir)).toEqual([]);
});
