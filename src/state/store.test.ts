import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { NkError } from "../base/errors.ts";
import { readClaim, takeOver } from "./claim.ts";
import { writePidFile } from "./pid-file.ts";
import { checkId, stateDirOf } from "./paths.ts";
import type { ContainerRecord } from "./record.ts";
import { StateStore } from "./store.ts";

let root: string;
let store: StateStore;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "nk-store-"));
  store = new StateStore(root);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function record(id: string): ContainerRecord {
  return {
    version: 1,
    id,
    mode: "container",
    status: "created",
    pid: 1,
    pidStartTime: 2,
    ociVersion: "1.0.2",
    bundle: "/b",
    rootfs: "/b/rootfs",
    created: "2026-01-01T00:00:00.000Z",
    annotations: {},
    owner: "root",
  };
}

function claim(id: string, to = store): string {
  to.claim(to.prepare(), record(id));
  return to.dirOf(id);
}

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    return (error as NkError).code;
  }
  return "none";
}

function unexpected(error: NkError): never {
  throw error;
}

describe("StateStore", () => {
  it("gives an id to one caller, in a folder for its owner only", () => {
    const dir = claim("c1");
    expect(statSync(dir).mode & 0o777).toBe(0o700);
    expect(() => store.checkFree("c1")).toThrow("container with given ID already exists");
    const late = store.prepare();
    expect(() => store.claim(late, record("c1"))).toThrow("container with given ID already exists");
    store.discard(late);
    store.remove("c1");
    expect(readdirSync(root)).toEqual([]);
    store.checkFree("c1");
    claim("c1");
  });

  it("gives back what was written", () => {
    claim("c1");
    expect(store.read("c1")).toEqual(record("c1"));
    store.write({ ...record("c1"), status: "running" });
    expect(store.read("c1")).toEqual({ ...record("c1"), status: "running" });
  });

  it("lists records by id, without what is being made and without the host runtime's folder", () => {
    for (const id of ["b", "a"]) claim(id);
    store.prepare();
    claim("runc", new StateStore(join(root, "~host")));
    expect(store.list(unexpected).map(({ id }) => id)).toEqual(["a", "b"]);
    expect(new StateStore(join(root, "none")).list(unexpected)).toEqual([]);
  });

  it("says that there is no such container", () => {
    expect(codeOf(() => store.read("none"))).toBe("NOT_FOUND");
    expect(() => store.read("none")).toThrow("container does not exist");
  });

  it("removes what a killed process was making or removing, and nothing that a live one is", () => {
    const dead = ["~new-1-1", "~gone-1-1-c1"];
    for (const name of dead) mkdirSync(join(root, name, "sub"), { recursive: true });
    const mine = store.prepare();
    expect(store.abandoned().sort()).toEqual(dead.sort());
    store.removeAbandoned(unexpected);
    expect(readdirSync(root).map((name) => join(root, name))).toEqual([mine]);
  });

  it("removes a folder though a late file appears in it meanwhile", async () => {
    const dir = claim("c1");
    const many = Array.from({ length: 3000 }, (_, at) => join(dir, `a-${at}`));
    for (const path of many) writeFileSync(path, "");
    // It hears of the first file that goes long before the last one does.
    const late = `const {watch, writeFileSync} = require("node:fs");
      const watcher = watch(".", () => { watcher.close(); writeFileSync("late", ""); });
      console.log("ready");`;
    const writer = spawn(process.execPath, ["-e", late], { cwd: dir, stdio: ["ignore", "pipe", "inherit"] });
    const ended = once(writer, "exit");
    await once(writer.stdout, "data");
    store.remove("c1");
    expect(await ended).toEqual([0, null]);
    expect(readdirSync(root)).toEqual([]);
  });

  it.each(["{", "[]", '{"version":2}', '{"version":1}'])(
    "names the remedy for a damaged record: %s",
    (text) => {
      writeFileSync(join(claim("c1"), "state.json"), text);
      expect(codeOf(() => store.read("c1"))).not.toBe("NOT_FOUND");
      expect(() => store.read("c1")).toThrow(/state\.json.*nk-runtime delete --force c1/);
    },
  );

  it("lists the others when one is damaged, and says which", () => {
    for (const id of ["good", "bad"]) claim(id);
    writeFileSync(join(store.dirOf("bad"), "state.json"), "{");
    const told: string[] = [];
    expect(store.list(({ message }) => told.push(message)).map(({ id }) => id)).toEqual(["good"]);
    expect(told).toEqual([expect.stringContaining("the state of container bad is damaged")]);
  });

  it.each([
    [{ status: "dancing" }, "status"],
    [{ mode: 5 }, "mode"],
    [{ bundle: null }, "bundle"],
    [{ pid: "1" }, "pid"],
    [{ vm: 5 }, "vm"],
    [{ vm: { monitorPid: 1 } }, "vm"],
  ])("takes no record with %j", (change, member) => {
    claim("c1");
    writeFileSync(join(store.dirOf("c1"), "state.json"), JSON.stringify({ ...record("c1"), ...change }));
    expect(codeOf(() => store.read("c1"))).toBe("DAMAGED");
    expect(() => store.read("c1")).toThrow(`state.json: ${member}`);
  });

  it("names the folder that cannot be made", () => {
    const file = join(root, "file");
    writeFileSync(file, "");
    expect(() => new StateStore(join(file, "x")).prepare()).toThrow(/cannot make the state folder .*--root/);
    expect(() => new StateStore("/proc/no/such").prepare()).toThrow("cannot make the state folder /proc/no");
  });

  it("keeps long ids in a short folder, and finds them again", () => {
    const id = "x".repeat(255);
    const dir = claim(id);
    expect(Buffer.byteLength(join(dir, "control.sock"))).toBeLessThanOrEqual(107);
    expect(store.list(unexpected).map((found) => found.id)).toEqual([id]);
    store.remove(id);
    expect(store.has(id)).toBe(false);
  });
});

describe("a claim", () => {
  it("changes hands once, and never after the folder was made anew", () => {
    const dir = claim("c1");
    const seen = readClaim(dir) ?? "";
    expect(takeOver(dir, "claim-1-1")).toBe(false);
    expect(takeOver(dir, seen)).toBe(true);
    store.remove("c1");
    expect(readClaim(dir)).toBeUndefined();
    expect(takeOver(dir, seen)).toBe(false);
  });
});

describe("ids", () => {
  it.each(["a", "A_1+2.3-4", "...", "x-", "x".repeat(255)])("takes %s", (id) => {
    expect(codeOf(() => checkId(id))).toBe("none");
  });

  it.each(["", ".", "..", "-x", "a/b", "../x", "a b", "a\n", "é", "~x", "a,b", "x".repeat(256)])(
    "refuses %j",
    (id) => {
      expect(() => checkId(id)).toThrow("invalid container ID format");
    },
  );

  it("leaves containerd's folders readable", () => {
    const id = "f".repeat(64);
    expect(stateDirOf("/run/containerd/runc/k8s.io", id)).toBe(`/run/containerd/runc/k8s.io/${id}`);
    expect(stateDirOf("/var/run/docker/runtime-nk-runtime/moby", id)).toMatch(/moby\/~[0-9a-f]{16}$/);
  });
});

it("writes a pid file as runc does, over an old one", () => {
  const path = join(root, "pid");
  writePidFile(path, 1);
  writePidFile(path, 4321);
  expect(statSync(path).size).toBe(4);
});
