import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PROPERTIES } from "../../src/oci/properties.ts";
import { OWN_TEST, type Answer, type Property } from "../../src/oci/property.ts";
import type { BundleOptions } from "../fixtures/make-bundle.ts";
import { expectRefused } from "../fixtures/refused.ts";
import { rewriteConfig } from "../fixtures/raw-config.ts";
import { IN_GUEST, IN_USER_NAMESPACE, MOUNTS, REMAPPED, WHOLE, type Seen } from "./property-checks.ts";
import { kernels, Runtime } from "./runtime.ts";

/** What docs/oci-compatibility.md says of VM mode, property by property: in the guest, or by the message. */
type Json = Record<string, unknown>;

const INITRAMFS = fileURLToPath(new URL("../../build/image/rootfs/initramfs.cpio", import.meta.url));
const MIB = 1024 * 1024;

let runtime: Runtime;
let folder: string;
let source: string;

beforeAll(() => {
  runtime = new Runtime();
  folder = mkdtempSync(join(tmpdir(), "nk-properties-"));
  source = join(folder, "source");
  mkdirSync(source);
  writeFileSync(join(source, "file"), "here\n");
  symlinkSync("file", join(source, "link"));
  const settings = { vm: { net: "none" }, allowFromBundle: { "vm.kernel": true, "vm.rootfs": true } };
  writeFileSync(join(folder, "config.json"), JSON.stringify(settings));
  runtime.settings = folder;
});
afterAll(async () => {
  expect(await runtime.close()).toEqual([]);
  rmSync(folder, { recursive: true });
});

const rows = (answer: Answer): Property[] =>
  PROPERTIES.filter((row) => row.answer === answer && row.test === OWN_TEST);

/** What the commands print in a container, by the property that they look at. */
async function seen(
  options: BundleOptions,
  commands: Readonly<Record<string, Seen>>,
): Promise<Map<string, string>> {
  const script = Object.entries(commands).map(([path, [command]]) => `echo '@${path}'; ${command}`);
  const { code, stdout, stderr } = await runtime.run({
    ...options,
    args: ["sh", "-c", `exec 2>&1; ${script.join("; ")}`, "a b"],
  });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const parts = stdout.split(/^@/m).slice(1);
  return new Map(
    parts.map((part) => [part.slice(0, part.indexOf("\n")), part.slice(part.indexOf("\n") + 1)]),
  );
}

/** Properties of which something else is seen than they ask for, with what. */
const otherwise = (
  found: ReadonlyMap<string, string>,
  expected: Readonly<Record<string, RegExp>>,
): string[] =>
  Object.entries(expected).flatMap(([path, pattern]) => {
    const text = found.get(path) ?? "nothing";
    return pattern.test(text) ? [] : [`${path}: ${text}`];
  });

describe("honoured", () => {
  it.each([
    ["a container", WHOLE, IN_GUEST],
    ["a container with a user namespace", REMAPPED, IN_USER_NAMESPACE],
  ])("is seen in %s", async (_name, options, checks) => {
    const expected = Object.fromEntries(Object.entries(checks).map(([path, [, pattern]]) => [path, pattern]));
    expect(otherwise(await seen(options, checks), expected)).toEqual([]);
  });

  it("is seen in the guest: options of mounts", async () => {
    const options = Object.keys(MOUNTS.bind);
    const binds = options.map((option) => bindWith(option));
    const typed = Object.keys(MOUNTS.tmpfs).map((option) => ({
      destination: `/t/${option}`,
      type: "tmpfs",
      source: "tmpfs",
      options: [option],
    }));
    const again = { destination: "/t/async", type: "tmpfs", source: "tmpfs", options: ["remount", "ro"] };
    const { code, stdout, stderr } = await runtime.run({
      args: ["sh", "-c", "cat /m/ro/file; grep -E ' /[mt]/' /proc/self/mountinfo"],
      mounts: [...binds, ...typed, again],
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^here\n/);
    const lines = new Map(
      stdout
        .trim()
        .split("\n")
        .slice(1)
        .map((line) => [line.split(" ")[4] ?? "", line]),
    );
    const below = (top: string, patterns: Readonly<Record<string, RegExp>>): Record<string, RegExp> =>
      Object.fromEntries(Object.entries(patterns).map(([option, pattern]) => [`${top}/${option}`, pattern]));
    expect(otherwise(lines, below("/m", MOUNTS.bind))).toEqual([]);
    expect(otherwise(lines, below("/t", { ...MOUNTS.tmpfs, async: / ro,/ }))).toEqual([]);
  });

  it("is seen in the VM, in the state and in what update refuses", async () => {
    const [[, flag] = ["", ""]] = kernels();
    const kernel = join(folder, "kernel");
    copyFileSync(flag.slice("--vm-kernel=".length), kernel);
    const initrd = join(folder, "initramfs");
    copyFileSync(INITRAMFS, initrd);
    const vm = { kernel: { path: kernel, initrd }, hwConfig: { vcpus: 2, memory: 300 * MIB } };
    const id = await runtime.background({ annotations: { "org.example.a": "b" }, config: { vm } });
    expect(runtime.record(id).vm).toMatchObject({ kernel, vcpus: 2, memSizeMib: 300 });
    expect(await runtime.ok(["exec", id, "nproc"])).toBe("2\n");
    expect(JSON.parse(await runtime.ok(["state", id]))).toMatchObject({
      annotations: { "org.example.a": "b" },
    });
    await runtime.ok(["exec", id, "dd", "if=/dev/zero", "of=/dev/shm/f", "bs=1M", "count=20"]);
    const change = { memory: { limit: 8 * MIB, checkBeforeUpdate: true } };
    const update = await runtime.call(["update", "--resources", "-", id], {
      stdin: Buffer.from(JSON.stringify(change)),
    });
    expect(update.stderr).toContain("memory limit lower than its current usage");
  });

  it("is looked at, all of it", () => {
    const elsewhere = [
      "annotations",
      "vm.kernel.path",
      "vm.kernel.initrd",
      "vm.hwConfig.vcpus",
      "vm.hwConfig.memory",
    ];
    const checked = new Set([
      ...elsewhere,
      "linux.resources.memory.checkBeforeUpdate",
      ...Object.keys(IN_GUEST),
      ...Object.keys(IN_USER_NAMESPACE),
      ...[...Object.keys(MOUNTS.bind), ...Object.keys(MOUNTS.tmpfs), "remount"].map(
        (name) => `mounts[].options[] ${name}`,
      ),
    ]);
    const toCheck = rows("honoured").flatMap(({ path, values }) =>
      values.length > 0 ? values.map((value) => `${path} ${value}`) : [path],
    );
    expect(toCheck.filter((name) => !checked.has(name))).toEqual([]);
    expect([...checked].filter((name) => !toCheck.includes(name))).toEqual([]);
  });
});

const bindWith = (...options: string[]) => ({
  destination: `/m/${options[0] ?? ""}`,
  type: "bind",
  source,
  options: ["rbind", ...options],
});

/** Sets a property, as deep as it is. */
function set(config: Json, path: string, value: unknown): void {
  const [step = "", ...rest] = path.replaceAll("[]", ".[]").split(".");
  let at: Json | unknown[] = config;
  let name = step;
  for (const next of rest) {
    const below: Json | unknown[] = next === "[]" ? list(member(at, name)) : object(member(at, name));
    put(at, name, below);
    [at, name] = [below, next];
  }
  put(at, name, value);
}

const list = (value: unknown): unknown[] => (Array.isArray(value) ? (value as unknown[]) : []);
const object = (value: unknown): Json => (typeof value === "object" && value !== null ? (value as Json) : {});
/** Of an array, a new one. */
const member = (at: Json | unknown[], name: string): unknown => (Array.isArray(at) ? undefined : at[name]);

function put(at: Json | unknown[], name: string, value: unknown): void {
  if (!Array.isArray(at)) at[name] = value;
  else if (!at.includes(value)) at.push(value);
}

describe("left out", () => {
  it("changes nothing, but that limits which hold nowhere are told of", async () => {
    const { dir } = await runtime.bundle({ args: ["echo", "ran"] });
    rewriteConfig(dir, (config) => {
      for (const { path } of [...rows("left out"), ...rows("warned of")]) set(config, path, "something");
    });
    const { code, stdout, stderr } = await runtime.runAgain(dir);
    expect({ code, stdout }).toEqual({ code: 0, stdout: "ran\n" });
    const told = rows("warned of").map(
      ({ path, note }) => `nk-runtime: warning: ${path}: not held to for a container in a VM: ${note}`,
    );
    expect(stderr.trim().split("\n").sort()).toEqual(told.sort());
  });
});

describe("refused", () => {
  const cases = rows("refused").flatMap((row) =>
    (row.values.length > 0 ? row.values : ["something"]).map((value) => ({ ...row, value })),
  );

  it.each(cases)("$path $value", async ({ path, value, values, note }) => {
    const { dir } = await runtime.bundle({});
    rewriteConfig(dir, (config) => {
      if (path.startsWith("mounts[]")) Object.assign(config, { mounts: [] });
      if (path.startsWith("vm.kernel"))
        Object.assign(config, { vm: { kernel: { path: kernels()[0]?.[1].slice(12) } } });
      set(config, path, value);
      for (const mount of config["mounts"] as Json[]) Object.assign(mount, { ...bindWith(), ...mount });
    });
    const named = path.replaceAll("[]", "[0]").replace(/(namespaces)\[0\]/, "$1[5]");
    const what = values.length > 0 ? `${named} is ${value}` : named;
    const run = ["run", "--mode=vm", "--bundle", dir, runtime.id()];
    const { stderr } = await expectRefused(runtime, run, `${what}: ${note}: leave it out, or use `);
    expect(stderr).toContain("--mode=container");
  });

  it("of exec's process file as well", async () => {
    const id = await runtime.background();
    const file = join(folder, "process.json");
    writeFileSync(
      file,
      JSON.stringify({ args: ["true"], cwd: "/", ioPriority: { class: "IOPRIO_CLASS_IDLE" } }),
    );
    const { code, stderr } = await runtime.call(["exec", "--process", file, id]);
    expect(code).toBe(255);
    expect(stderr).toContain("process.ioPriority: the runtime in the VM does not know it");
  });

  it("with crun is done by runc in the VM, but for what runc refuses itself", async () => {
    const options = rows("refused").flatMap(({ onlyIn, values }) => (onlyIn === "crun" ? values : []));
    const taken = options.filter((option) => !["ratime", "rnostrictatime"].includes(option));
    const script = "cat /m/nosymfollow/link; grep ' /m/' /proc/self/mountinfo";
    const { stdout, stderr } = await runtime.run(
      { args: ["sh", "-c", script], mounts: taken.map((option) => bindWith(option)) },
      ["--vm-runtime=runc"],
    );
    expect(stderr).toMatch(/Too many levels of symbolic links|Symbolic link loop/);
    const line = (option: string): string =>
      stdout.split("\n").find((text) => text.includes(` /m/${option} `)) ?? "";
    expect(line("nosymfollow")).toContain("nosymfollow");
    expect(line("rnosymfollow")).toMatch(/,nosymfollow/);
    expect(line("rnoatime")).toContain("noatime");
    expect(line("rnodiratime")).toContain("nodiratime");
    expect(line("rrelatime")).toContain("relatime");
    expect(line("rstrictatime")).not.toMatch(/relatime|noatime/);
  });
});
