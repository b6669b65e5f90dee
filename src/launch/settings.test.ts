import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { checkConfig } from "../oci/config.ts";
import type { OciConfig } from "../oci/config.ts";
import { readSetting } from "../oci/setting-values.ts";
import { specTemplate } from "../oci/spec-template.ts";
import type { PartialSettings, SourcedSettings } from "../oci/settings.ts";
import { settingsFromLimits } from "../oci/vm-size.ts";
import { resolveSettings } from "./resolve-settings.ts";
import { settingsFromFiles } from "./settings-files.ts";

function config(members: Record<string, unknown> = {}): OciConfig {
  return checkConfig({ ...specTemplate(), ...members }, "config.json");
}

const MEMORY = "org.nano-sandbox.vm.memory";

const from = (source: string, settings: PartialSettings): SourcedSettings => ({ source, settings });

/** What all of them together come to. */
function merged(sourced: SourcedSettings[]): PartialSettings {
  return Object.assign({}, ...sourced.map(({ settings }) => settings)) as PartialSettings;
}

describe("resolveSettings", () => {
  it("has defaults", () => {
    const { settings, origins } = resolveSettings([], config(), []);
    expect(settings).toEqual({
      mode: "container",
      vcpus: 1,
      memSizeMib: 512,
      kernel: undefined,
      rootfs: undefined,
      vmm: "auto",
      jailer: "auto",
      accel: "auto",
      share: "auto",
      blockFs: "auto",
      sync: false,
      vmRuntime: "crun",
      hostRuntime: undefined,
    });
    expect(new Set(Object.values(origins))).toEqual(new Set(["default"]));
    expect(Object.keys(origins)).toEqual(Object.keys(settings));
  });

  it("takes flags before annotations, these before the vm section, files, limits and defaults, and says which", () => {
    const limits = { linux: { resources: { memory: { limit: 512 * 1024 * 1024 } } } };
    const vm = { vm: { hwConfig: { memory: 768 * 1024 * 1024 } } };
    const annotations = { annotations: { [MEMORY]: "800" } };
    const files = [from("a.json", { memSizeMib: 600 }), from("b.json", { memSizeMib: 700 })];
    const memory = (...given: Parameters<typeof resolveSettings>): [number, string] => {
      const { settings, origins } = resolveSettings(...given);
      return [settings.memSizeMib, origins.memSizeMib];
    };
    expect(memory([], config(limits), [])).toEqual([640, "linux.resources.memory.limit in config.json"]);
    expect(memory([], config(limits), files)).toEqual([700, "b.json"]);
    expect(memory([], config({ ...limits, ...vm }), files)).toEqual([
      768,
      "vm.hwConfig.memory in config.json",
    ]);
    const all = config({ ...limits, ...vm, ...annotations });
    expect(memory([], all, files)).toEqual([800, `annotation ${MEMORY}`]);
    expect(memory([from("--vm-memory", { memSizeMib: 900 })], all, files)).toEqual([900, "--vm-memory"]);
  });

  it("reads kernel and initrd of the vm section, in both spellings of its hardware", () => {
    const vm = { kernel: { path: "/k", initrd: "/i" }, hwconfig: { vcpus: 3 } };
    const { settings } = resolveSettings([], config({ vm }), []);
    expect(settings).toMatchObject({ kernel: "/k", rootfs: "/i", vcpus: 3 });
  });

  it("names the annotation that is wrong", () => {
    const bad = config({ annotations: { "org.nano-sandbox.mode": "jail" } });
    expect(() => resolveSettings([], bad, [])).toThrow(
      'annotation org.nano-sandbox.mode: expected container or vm, found "jail"',
    );
  });
});

describe("settingsFromLimits", () => {
  const host = { cpus: 4, memoryBytes: 8 * 1024 ** 3 };
  const limits = (cpu: object, memory: object) =>
    merged(settingsFromLimits(config({ linux: { resources: { cpu, memory } } }), host));

  it.each([
    [{ quota: 150_000, period: 100_000 }, 2],
    [{ quota: 50_000 }, 1],
    [{ quota: 9_900_000, period: 100_000 }, 4],
    [{ quota: -1, period: 100_000 }, undefined],
    [{ quota: 200_000, period: 0 }, 2],
  ])("gives CPUs for %j", (cpu, vcpus) => {
    expect(limits(cpu, {}).vcpus).toBe(vcpus);
  });

  it("gives no more CPUs than a VM can have", () => {
    const resources = { cpu: { quota: 9_900_000 } };
    expect(merged(settingsFromLimits(config({ linux: { resources } }), { ...host, cpus: 96 })).vcpus).toBe(
      32,
    );
  });

  it.each<[number | bigint, number | undefined]>([
    [1024 ** 3, 1152],
    [16 * 1024 ** 2, 256],
    [-1, undefined],
    [0, undefined],
    [8 * 1024 ** 3, 8 * 1024],
    [Number.MAX_SAFE_INTEGER, 8 * 1024],
    [2n ** 63n - 4097n, 8 * 1024],
    // No limit, in the words of Go and of version 1 of cgroups.
    [2n ** 63n - 1n, undefined],
    [2n ** 63n - 4096n, undefined],
  ])("gives memory for a limit of %s", (limit, mib) => {
    expect(limits({}, { limit }).memSizeMib).toBe(mib);
  });
});

describe("readSetting", () => {
  it.each<[string | number, number]>([
    ["1024", 1024],
    [1024, 1024],
    ["512M", 512],
    ["512MiB", 512],
    ["2G", 2048],
    ["2gb", 2048],
  ])("reads a memory of %s", (text, mib) => {
    expect(readSetting("memSizeMib", text, "--vm-memory")).toEqual({ memSizeMib: mib });
  });

  it.each(["0", "12k", "-5", "1.5G", "", {}, undefined])("refuses a memory of %j", (value) => {
    expect(() => readSetting("memSizeMib", value, "--vm-memory")).toThrow(
      /^--vm-memory: expected a number of MiB/,
    );
  });

  it.each(["0", "65", "two", 1.5])("refuses %j CPUs", (value) => {
    expect(() => readSetting("vcpus", value, "--vm-vcpus")).toThrow("a whole number from 1 to 32");
  });

  it("wants absolute paths", () => {
    expect(() => readSetting("kernel", "vmlinux", "x")).toThrow(
      'x: expected an absolute path, found "vmlinux"',
    );
  });
});

describe("settingsFromFiles", () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "nk-etc-"));
    mkdirSync(join(dir, "config.d"));
  });
  afterEach(() => rmSync(dir, { recursive: true }));
  const write = (name: string, value: unknown): void => writeFileSync(join(dir, name), JSON.stringify(value));

  it("is empty without files", () => {
    expect(settingsFromFiles(join(dir, "none"))).toEqual([]);
  });

  it("lets drop-ins count more, by name", () => {
    write("config.json", { mode: "vm", vm: { memory: 256, vcpus: 2 }, container: { runtime: "crun" } });
    write("config.d/20-b.json", { vm: { memory: "1G" } });
    write("config.d/10-a.json", { vm: { memory: 300, accel: "tcg" } });
    write("config.d/readme.txt", "not read");
    const found = settingsFromFiles(dir);
    expect(found[0]).toEqual({ source: `${join(dir, "config.json")}: mode`, settings: { mode: "vm" } });
    expect(merged(found)).toEqual({
      mode: "vm",
      memSizeMib: 1024,
      vcpus: 2,
      accel: "tcg",
      hostRuntime: "crun",
    });
  });

  it("names file and member of an error", () => {
    write("config.json", { vm: { vcpu: 2 } });
    expect(() => settingsFromFiles(dir)).toThrow(
      /config\.json: unknown setting vm\.vcpu: expected one of mode, vm\.vcpus/,
    );
    write("config.json", { vm: { accel: "fast" } });
    expect(() => settingsFromFiles(dir)).toThrow(
      /config\.json: vm\.accel: expected auto or kvm or tcg, found "fast"/,
    );
    write("config.json", { vm: 1 });
    expect(() => settingsFromFiles(dir)).toThrow(/config\.json: vm: expected an object, found a number/);
  });
});
