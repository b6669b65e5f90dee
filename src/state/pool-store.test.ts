import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { processStartTime } from "../host/process-info.ts";
import { homeDir, isHomeOf, takenHome } from "./home.ts";
import { announce, isTakerAlive, PoolStore, poolKeys, type PooledVm } from "./pool-store.ts";
import { removeStateFolder } from "./image-bundle.ts";
import type { VmRecord } from "./record.ts";

let root: string;
let pool: PoolStore;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "nk-pool-"));
  pool = new PoolStore(root, "abc0");
});

afterEach(() => rmSync(root, { recursive: true }));

/** A VM whose monitor is this process, or one that has ended. */
function pooled(isAlive = true): PooledVm {
  const startTime = isAlive ? (processStartTime(process.pid) ?? 0) : 1;
  const vm = { monitorPid: process.pid, monitorStartTime: startTime } as VmRecord;
  return { version: 1, holder: { pid: process.pid, startTime }, vm };
}

function wait(): string {
  const folder = pool.add();
  announce(folder, pooled());
  return folder;
}

function stateDir(name: string): string {
  const dir = join(root, name);
  mkdirSync(dir);
  return dir;
}

const states = (): string[] => pool.entries().map(({ state }) => state);

describe("a VM of a pool", () => {
  it("is started by this process, then waits, then is somebody's", () => {
    const folder = pool.add();
    expect(states()).toEqual(["starting"]);
    announce(folder, pooled());
    expect(states()).toEqual(["waiting"]);
    const dir = stateDir("c1");
    expect(pool.take(dir)).toBe(folder);
    expect(states()).toEqual(["taken"]);
    expect(takenHome(dir)).toBe(folder);
    expect(homeDir(dir)).toBe(folder);
    const [entry] = pool.entries();
    expect(isHomeOf(dir, entry?.token ?? "")).toBe(true);
    expect(isTakerAlive(entry?.token ?? "")).toBe(true);
  });

  it("is given once", () => {
    wait();
    const [first, second] = [stateDir("c1"), stateDir("c2")];
    expect(pool.take(first)).toBeDefined();
    expect(pool.take(second)).toBeUndefined();
    expect(homeDir(second)).toBe(second);
    expect(takenHome(first)).toBeDefined();
  });

  it("is lost when its monitor has ended, and nobody gets it", () => {
    announce(pool.add(), pooled(false));
    expect(states()).toEqual(["lost"]);
    expect(pool.take(stateDir("c1"))).toBeUndefined();
  });

  it("is withdrawn from those who would take it, and not from one who has", () => {
    wait();
    const [entry] = pool.entries();
    if (!entry) throw new Error("no entry");
    expect(pool.withdraw(entry)).toBe(true);
    expect(pool.take(stateDir("c1"))).toBeUndefined();
    wait();
    const [taken] = pool.entries().filter(({ state }) => state === "waiting");
    expect(pool.take(stateDir("c2"))).toBeDefined();
    if (!taken) throw new Error("no entry");
    expect(pool.withdraw(taken)).toBe(false);
  });

  it("goes with the state folder of its container, and with no other", () => {
    const folder = wait();
    const [loser, dir] = [stateDir("c1"), stateDir("c2")];
    expect(pool.take(dir)).toBe(folder);
    expect(pool.take(loser)).toBeUndefined();
    removeStateFolder(loser);
    expect(existsSync(folder)).toBe(true);
    removeStateFolder(dir);
    expect(existsSync(folder)).toBe(false);
  });
});

it("finds the pools of a root", () => {
  expect(poolKeys(root)).toEqual([]);
  wait();
  new PoolStore(root, "def1").add();
  expect(poolKeys(root).sort()).toEqual(["abc0", "def1"]);
  expect(readdirSync(root)).toEqual(["~pool"]);
});
