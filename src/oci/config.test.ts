import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { loadBundle } from "./bundle.ts";
import { checkConfig, checkProcess } from "./config.ts";
import { specTemplate } from "./spec-template.ts";

type Json = Record<string, unknown>;

function changed(change: (config: Json & { process: Json; linux: Json }) => void): Json {
  const config = specTemplate() as Json & { process: Json; linux: Json };
  change(config);
  return config;
}

describe("checkConfig", () => {
  it("takes what spec writes", () => {
    expect(checkConfig(specTemplate(), "c").process.args).toEqual(["sh"]);
    expect(checkConfig(specTemplate({ uid: 1, gid: 1 }), "c").linux?.uidMappings).toHaveLength(1);
  });

  it("takes integers of 64 bits", () => {
    const config = changed((c) => {
      c.process["rlimits"] = [{ type: "RLIMIT_CORE", soft: 2n ** 64n - 1n, hard: 2n ** 64n - 1n }];
      c.linux["resources"] = { memory: { limit: 2n ** 63n - 1n }, pids: {} };
    });
    expect(checkConfig(config, "c").linux?.resources).toEqual({
      memory: { limit: 2n ** 63n - 1n },
      pids: {},
    });
  });

  it("ignores members it does not know, as the specification demands", () => {
    const config = changed((it_) => {
      it_["future"] = { x: 1 };
      it_.process["scheduler"] = { policy: "SCHED_OTHER" };
    });
    expect(checkConfig(config, "c")).toHaveProperty("process.scheduler");
  });

  it.each<[string, Parameters<typeof changed>[0], string]>([
    ["no args", (c) => delete c.process["args"], "c: process.args is missing"],
    ["args a string", (c) => (c.process["args"] = "sh"), 'c: process.args: expected an array, found "sh"'],
    [
      "no arguments",
      (c) => (c.process["args"] = []),
      "c: process.args: expected the program and its arguments, found an empty array",
    ],
    [
      "a number in args",
      (c) => (c.process["args"] = ["a", 1]),
      "c: process.args.1: expected a string, found 1",
    ],
    [
      "a relative cwd",
      (c) => (c.process["cwd"] = "x"),
      'c: process.cwd: expected an absolute path, found "x"',
    ],
    ["no process", (c) => delete (c as Json)["process"], "c: process is missing"],
    [
      "a bad uid",
      (c) => (c.process["user"] = { uid: -1 }),
      "c: process.user.uid: expected 0 or more, found -1",
    ],
    [
      "a uid beyond 32 bits",
      (c) => (c.process["user"] = { uid: 4_294_967_296 }),
      "c: process.user.uid: expected at most 4294967295, found 4294967296",
    ],
    [
      "a limit with a fraction",
      (c) => (c.linux["resources"] = { memory: { limit: 1.5 } }),
      "c: linux.resources.memory.limit: expected a whole number, found 1.5",
    ],
    [
      "a limit beyond 64 bits",
      (c) => (c.linux["resources"] = { memory: { limit: 2n ** 63n } }),
      "c: linux.resources.memory.limit: expected -9223372036854775808 to 9223372036854775807, found 9223372036854775808",
    ],
    [
      "a limit that is no number",
      (c) => (c.linux["resources"] = { pids: { limit: "1" } }),
      'c: linux.resources.pids.limit: expected a whole number, found "1"',
    ],
    [
      "a negative resource limit",
      (c) => (c.process["rlimits"] = [{ type: "RLIMIT_CORE", soft: -1, hard: 1 }]),
      "c: process.rlimits.0.soft: expected 0 to 18446744073709551615, found -1",
    ],
    [
      "an unknown namespace",
      (c) => (c.linux["namespaces"] = [{ type: "moon" }]),
      'c: linux.namespaces.0.type: expected one of pid, network, mount, ipc, uts, user, cgroup, time, found "moon"',
    ],
    [
      "a namespace twice",
      (c) => (c.linux["namespaces"] = [{ type: "pid" }, { type: "pid" }]),
      "c: linux.namespaces: expected each type at most once, found an array",
    ],
    [
      "a relative namespace",
      (c) => (c.linux["namespaces"] = [{ type: "network", path: "ns" }]),
      'c: linux.namespaces.0.path: expected an absolute path, found "ns"',
    ],
    [
      "a long host name",
      (c) => (c["hostname"] = "x".repeat(65)),
      `c: hostname: expected at most 64 bytes, found "${"x".repeat(65)}"`,
    ],
    [
      "an old version",
      (c) => (c["ociVersion"] = "0.2.0"),
      'c: ociVersion: expected a version 1.x.y of the runtime specification, found "0.2.0"',
    ],
    ["a mount without destination", (c) => (c["mounts"] = [{}]), "c: mounts.0.destination is missing"],
    [
      "terminal a string",
      (c) => (c.process["terminal"] = "yes"),
      'c: process.terminal: expected true or false, found "yes"',
    ],
    [
      "namespaces an object",
      (c) => (c.linux["namespaces"] = {}),
      "c: linux.namespaces: expected an array, found an object",
    ],
  ])("names the member: %s", (_, change, message) => {
    expect(() => checkConfig(changed(change), "c")).toThrow(expect.objectContaining({ message }) as Error);
  });
});

it("checks a process file the same way", () => {
  expect(() => checkProcess({ args: ["x"] }, "p.json")).toThrow("p.json: cwd is missing");
});

describe("loadBundle", () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "nk-oci-"));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  it("resolves the rootfs", () => {
    mkdirSync(join(dir, "rootfs"));
    writeFileSync(join(dir, "config.json"), JSON.stringify(specTemplate()));
    const bundle = loadBundle(dir);
    expect(bundle.rootfs).toBe(join(dir, "rootfs"));
    expect(bundle.raw).toEqual(specTemplate());
  });

  it("tells what is missing", () => {
    expect(() => loadBundle(join(dir, "none"))).toThrow(/no such bundle folder.*--bundle/);
    expect(() => loadBundle(dir)).toThrow(/^JSON specification file config\.json not found/);
    writeFileSync(join(dir, "config.json"), JSON.stringify(specTemplate()));
    expect(() => loadBundle(dir)).toThrow(/root\.path: no such folder/);
    writeFileSync(join(dir, "config.json"), '{\n"ociVersion": }');
    expect(() => loadBundle(dir)).toThrow(/config\.json:2:15: not valid JSON/);
  });
});
