import { describe, expect, it } from "vitest";
import type { SettingName } from "../oci/setting-table.ts";
import { SETTING_ROWS } from "../oci/setting-table.ts";
import type { PartialSettings, SourcedSettings } from "../oci/settings.ts";
import { bundleMayChoose } from "./bundle-choices.ts";
import { resolveSettings, type SettingsConfig } from "./resolve-settings.ts";
import type { HostSettings } from "./settings-files.ts";

const FILE = "/etc/nano-sandbox/config.json";

/** A host whose settings file says this of bundles. */
function host(
  said: Partial<Record<SettingName, boolean>> = {},
  settings: PartialSettings = {},
): HostSettings {
  const allowed = Object.entries(said).map(
    ([name, value]) =>
      [name as SettingName, { allowed: value, source: `${FILE}: allowFromBundle.X` }] as const,
  );
  return { settings: [{ source: FILE, settings }], allowed: new Map(allowed), file: FILE };
}

const annotated = (annotations: Record<string, string>): SettingsConfig => ({
  annotations: Object.fromEntries(
    Object.entries(annotations).map(([key, value]) => [`org.nano-sandbox.${key}`, value]),
  ),
});

const IN_VM: SourcedSettings = { source: "--mode", settings: { mode: "vm" } };
const resolve = (config: SettingsConfig, of = host(), ...flags: SourcedSettings[]) =>
  resolveSettings([IN_VM, ...flags], config, of);

/** The two ways of a bundle to name a file of the host. */
const NAMING: [string, SettingName, SettingsConfig, string, string][] = [
  [
    "a kernel",
    "kernel",
    annotated({ "vm.kernel": "/x" }),
    "annotation org.nano-sandbox.vm.kernel",
    "vm.kernel",
  ],
  [
    "an initramfs",
    "rootfs",
    annotated({ "vm.rootfs": "/x" }),
    "annotation org.nano-sandbox.vm.rootfs",
    "vm.rootfs",
  ],
  ["a kernel", "kernel", { vm: { kernel: { path: "/x" } } }, "vm.kernel.path in config.json", "vm.kernel"],
  [
    "an initramfs",
    "rootfs",
    { vm: { kernel: { path: "/k", initrd: "/x" } } },
    "vm.kernel.initrd in config.json",
    "vm.rootfs",
  ],
];

describe.each(NAMING)("a bundle that names %s of the host", (_, name, config, source, key) => {
  // The kernel that the vm section cannot leave out.
  const others = name === "rootfs" ? { kernel: true } : {};

  it("is refused, with the three ways on", () => {
    expect(() => resolve(config, host(others))).toThrow(
      `${source} names a file of the host, which a bundle may not choose: leave it out, ` +
        `give --${key.replace(".", "-")}, or allow it with {"allowFromBundle":{"${key}":true}} in ${FILE}`,
    );
  });

  it("is taken where a settings file allows it", () => {
    const { settings, origins } = resolve(config, host({ ...others, [name]: true }));
    expect([settings[name], origins[name]]).toEqual(["/x", source]);
  });

  it("does not count beside a flag", () => {
    const flag = { source: "--flag", settings: { [name]: "/flag" } };
    expect(resolve(config, host(others), flag).settings[name]).toBe("/flag");
  });

  it("does not matter without a VM, and is not in force there", () => {
    const { settings, origins } = resolveSettings([], config, host());
    expect([settings.mode, settings[name], origins[name]]).toEqual(["container", undefined, "default"]);
  });
});

it("a file of the host is refused where the bundle itself asks for the VM", () => {
  const config = annotated({ mode: "vm", "vm.kernel": "/x" });
  expect(() => resolveSettings([], config, host())).toThrow("names a file of the host");
});

describe("a setting that a settings file takes from bundles", () => {
  it.each<[string, PartialSettings]>([
    ["vm", {}],
    ["container", { mode: "vm" }],
  ])("is refused: mode %s", (mode, settings) => {
    expect(() => resolveSettings([], annotated({ mode }), host({ mode: false }, settings))).toThrow(
      `annotation org.nano-sandbox.mode: a bundle may not choose it, ${FILE}: allowFromBundle.X is false: leave it out, or give --mode`,
    );
  });

  it("is refused in the vm section, too", () => {
    const vm = { hwConfig: { memory: 2 ** 30 } };
    expect(() => resolve({ vm }, host({ memSizeMib: false }))).toThrow(
      "vm.hwConfig.memory in config.json: a bundle may not choose it",
    );
  });

  it("leaves the others, and what follows from limits, alone", () => {
    const linux = { resources: { memory: { limit: 2 ** 30 } } };
    const { settings } = resolve({ ...annotated({ "vm.vcpus": "3" }), linux }, host({ memSizeMib: false }));
    expect(settings).toMatchObject({ vcpus: 3, memSizeMib: 1152 });
  });
});

it("without a word of the host, a bundle may choose all but what names something of it", () => {
  const not = SETTING_ROWS.filter(([name]) => !bundleMayChoose(name, host())).map(([name]) => name);
  expect(not).toEqual(["kernel", "rootfs", "publish", "hostRuntime"]);
});
