import { expect, it } from "vitest";
import { resolveSettings } from "../launch/resolve-settings.ts";
import { DEFAULT_SETTINGS } from "../oci/settings.ts";
import { formatSettings, settingRows } from "./settings-report.ts";

const rows = settingRows(
  resolveSettings([{ source: "--vm-kernel", settings: { kernel: "/k" } }], {}, [
    { source: "/etc/x.json: vm.memory", settings: { memSizeMib: 700 } },
  ]),
);

it("names every setting with its value and origin", () => {
  expect(rows).toHaveLength(Object.keys(DEFAULT_SETTINGS).length);
  expect(rows).toContainEqual({ name: "vm.kernel", value: "/k", origin: "--vm-kernel" });
  expect(rows).toContainEqual({ name: "vm.rootfs", value: null, origin: "default" });
});

it("is an aligned table that says what unset ones come to", () => {
  const lines = formatSettings(rows).split("\n");
  expect(lines[0]).toMatch(/^SETTING +VALUE +FROM$/);
  const column = lines[0]?.indexOf("FROM") ?? 0;
  expect(lines.find((line) => line.startsWith("vm.memory"))?.slice(column)).toBe("/etc/x.json: vm.memory");
  expect(lines.find((line) => line.startsWith("vm.rootfs"))).toContain(
    "(rootfs/initramfs.cpio of the guest image)",
  );
});
