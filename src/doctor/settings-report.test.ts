import { expect, it } from "vitest";
import { resolveSettings } from "../launch/resolve-settings.ts";
import type { HostSettings } from "../launch/settings-files.ts";
import { DEFAULT_SETTINGS } from "../oci/settings.ts";
import { formatSettings, reportSettings } from "./settings-report.ts";

const host: HostSettings = {
  settings: [{ source: "/etc/x.json: vm.memory", settings: { memSizeMib: 700 } }],
  allowed: new Map([["mode", { allowed: false, source: "/etc/x.json: allowFromBundle.mode" }]]),
  file: "/etc/x.json",
};
const flag = { source: "--vm-kernel", settings: { kernel: "/k" } };
const reported = reportSettings(resolveSettings([flag], {}, host), host);

it("names every setting with its value and origin", () => {
  const settings = reported.filter(({ name }) => !name.startsWith("allowFromBundle."));
  expect(settings).toHaveLength(Object.keys(DEFAULT_SETTINGS).length);
  expect(reported).toContainEqual({ name: "vm.kernel", value: "/k", origin: "--vm-kernel" });
  expect(reported).toContainEqual({ name: "vm.rootfs", value: null, origin: "default" });
});

it("says what a bundle may choose, and who says so", () => {
  expect(
    reported.filter(({ name, value }) => name.startsWith("allowFromBundle.") && value === false),
  ).toEqual([
    { name: "allowFromBundle.mode", value: false, origin: "/etc/x.json: allowFromBundle.mode" },
    { name: "allowFromBundle.vm.kernel", value: false, origin: "default" },
    { name: "allowFromBundle.vm.rootfs", value: false, origin: "default" },
    { name: "allowFromBundle.vm.publish", value: false, origin: "default" },
  ]);
});

it("is an aligned table that says what unset ones come to", () => {
  const lines = formatSettings(reported).split("\n");
  expect(lines[0]).toMatch(/^SETTING +VALUE +FROM$/);
  const column = lines[0]?.indexOf("FROM") ?? 0;
  expect(lines.find((line) => line.startsWith("vm.memory"))?.slice(column)).toBe("/etc/x.json: vm.memory");
  expect(lines.find((line) => line.startsWith("vm.memory"))).toContain(" 700 MiB ");
  expect(lines.find((line) => line.startsWith("vm.rootfs"))).toContain(
    "(rootfs/initramfs.cpio of the guest image)",
  );
});
