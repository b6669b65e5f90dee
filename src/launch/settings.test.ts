import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { checkConfig } from "../oci/config.ts";
import type { OciConfig } from "../oci/config.ts";
import { specTemplate } from "../oci/spec-template.ts";
import type { PartialSettings, SourcedSettings } from "../oci/settings.ts";
import { settingsFromLimits } from "../oci/vm-size.ts";
import { resolveSettings } from "./resolve-settings.ts";
import { settingsFromFiles, type HostSettings } from "./settings-files.ts";

function config(members: Record<string, unknown> = {}): OciConfig {
  return checkConfig({ ...specTemplate(), ...members }, "config.json");
}

const MEMORY = "org.nano-sandbox.vm.memory";

const from = (source: string, settings: PartialSettings): SourcedSettings => ({ source, settings });

const host = (...settings: SourcedSettings[]): HostSettings => ({
  settings,
  allowed: new Map(),
  file: "/etc/x.json",
});

/** What all of them together come to. */
function merged(sourced: SourcedSettings[]): PartialSettings {
  return Object.assign({}, ...sourced.map(({ settings }) => settings)) as PartialSettings;
}

describe("resolveSettings", () => {
  it("has defaults", () => {
    const { settings, origins } = resolveSettings([], config(), host());
    expect(settings).toMatchObject({
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
    const files = host(from("a.json", { memSizeMib: 600 }), from("b.json", { memSizeMib: 700 }));
    const memory = (...given: Parameters<typeof resolveSettings>): [number, string] => {
      const { settings, origins } = resolveSettings(...given);
      return [settings.memSizeMib, origins.memSizeMib];
    };
    expect(memory([], config(limits), host())).toEqual([640, "linux.resources.memory.limit in config.json"]);
    expect(memory([], config(limits), files)).toEqual([700, "b.json"]);
    expect(memory([], config({ ...limits, ...vm }), files)).toEqual([
      768,
      "vm.hwConfig.memory in config.json",
    ]);
    const all = config({ ...limits, ...vm, ...annotations });
    expect(memory([], all, files)).toEqual([800, `annotation ${MEMORY}`]);
    expect(memory([from("--vm-memory", { memSizeMib: 900 })], all, files)).toEqual([900, "--vm-memory"]);
  });

  it("reads the hardware of the vm section in both spellings", () => {
    for (const member of ["hwConfig", "hwconfig"]) {
      const { settings } = resolveSettings([], config({ vm: { [member]: { vcpus: 3 } } }), host());
      expect(settings.vcpus).toBe(3);
    }
  });

  it("names the annotation that is wrong", () => {
    const bad = config({ annotations: { "org.nano-sandbox.mode": "jail" } });
    expect(() => resolveSettings([], bad, host())).toThrow(
      'annotation org.nano-sandbox.mode: expected container or vm, found "jail"',
    );
  });
});

describe("settingsFromLimits", () => {
  const size = { cpus: 4, memoryBytes: 8 * 1024 ** 3 };
  const limits = (cpu: object, memory: object) =>
    merged(settingsFromLimits(config({ linux: { resources: { cpu, memory } } }), size));

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
    expect(merged(settingsFromLimits(config({ linux: { resources } }), { ...size, cpus: 96 })).vcpus).toBe(
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

describe("settingsFromFiles", () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "nk-etc-"));
    mkdirSync(join(dir, "config.d"));
  });
  afterEach(() => rmSync(dir, { recursive: true }));
  const write = (name: string, value: unknown): void => writeFileSync(join(dir, name), JSON.stringify(value));

  it("is empty without files", () => {
    const none = join(dir, "none");
    expect(settingsFromFiles(none)).toEqual({
      settings: [],
      allowed: new Map(),
      file: join(none, "config.json"),
    });
  });

  it("lets drop-ins count more, by name", () => {
    write("config.json", { mode: "vm", vm: { memory: 256, vcpus: 2 }, container: { runtime: "crun" } });
    write("config.d/20-b.json", { vm: { memory: "1G" } });
    write("config.d/10-a.json", { vm: { memory: 300, accel: "tcg" } });
    write("config.d/readme.txt", "not read");
    const { settings: found } = settingsFromFiles(dir);
    expect(found[0]).toEqual({ source: `${join(dir, "config.json")}: mode`, settings: { mode: "vm" } });
    expect(merged(found)).toEqual({
      mode: "vm",
      memSizeMib: 1024,
      vcpus: 2,
      accel: "tcg",
      hostRuntime: "crun",
    });
  });

  it("says what a bundle may choose, a later file for an earlier one", () => {
    write("config.json", { allowFromBundle: { "vm.kernel": true, mode: false } });
    write("config.d/10-a.json", { allowFromBundle: { mode: true } });
    const { allowed, settings } = settingsFromFiles(dir);
    expect([...allowed]).toEqual([
      ["kernel", { allowed: true, source: `${join(dir, "config.json")}: allowFromBundle.vm.kernel` }],
      ["mode", { allowed: true, source: `${join(dir, "config.d/10-a.json")}: allowFromBundle.mode` }],
    ]);
    expect(settings).toEqual([]);
  });

  it.each([
    [
      { "vm.kernal": true },
      "unknown setting allowFromBundle.vm.kernal: expected one of allowFromBundle.mode, ",
    ],
    // There is no annotation for them.
    [{ "vm.jailer": true }, "unknown setting allowFromBundle.vm.jailer: expected one of "],
    [{ "container.runtime": true }, "unknown setting allowFromBundle.container.runtime: expected one of "],
    [{ "vm.kernel": "yes" }, 'allowFromBundle.vm.kernel: expected true or false, found "yes"'],
    [["vm.kernel"], "allowFromBundle: expected an object, found an array"],
  ])("refuses the permissions %j", (permissions, message) => {
    write("config.json", { allowFromBundle: permissions });
    expect(() => settingsFromFiles(dir)).toThrow(message);
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
