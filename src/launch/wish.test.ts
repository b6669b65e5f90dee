import { expect, test } from "vitest";
import { SETTINGS } from "../oci/setting-table.ts";
import { DEFAULT_SETTINGS, type Settings } from "../oci/settings.ts";
import { VMM_NAMES } from "../vm/drivers.ts";
import { shareWord, wishOf } from "./wish.ts";

const ONE = { takesMany: false, needsVolumes: false };
const MANY = { takesMany: true, needsVolumes: false };

function asked(share: Settings["share"], home = ONE): object {
  const { root, volumes, needsVolumes } = wishOf({ ...DEFAULT_SETTINGS, share }, home);
  return { root, volumes, needsVolumes };
}

test.each<[Settings["share"], string, string]>([
  ["auto", "auto", "auto"],
  ["virtiofs", "share", "virtiofs"],
  ["9p", "share", "9p"],
  ["9p-vsock", "share", "9p-vsock"],
  ["block", "disk", "auto"],
])("the share %s asks for a root on %s, and volumes by %s", (share, root, volumes) => {
  expect(asked(share)).toEqual({ root, volumes, needsVolumes: false });
  expect(asked(share, { ...ONE, needsVolumes: true })).toEqual({ root, volumes, needsVolumes: true });
});

test("a VM for many containers has a share, and cannot have their root on a disk", () => {
  expect(asked("auto", MANY)).toEqual({ root: "share", volumes: "auto", needsVolumes: true });
  expect(() => asked("block", MANY)).toThrow(/from a shared folder: use --vm-share=virtiofs or 9p/);
});

test("a record says block for a disk, also beside a share, and else the share", () => {
  const shape = { vmm: "qemu", program: "/q", accel: "tcg", initrd: "/i", vcpus: 1, memSizeMib: 64 } as const;
  const kernel = { path: "/k", file: "/k", format: "elf", release: "", shares: [], lacks: [] } as const;
  const rest = { ...shape, kernel, debug: false };
  expect(shareWord({ ...rest, root: "disk" })).toBe("block");
  expect(shareWord({ ...rest, root: "disk", volumes: "9p" })).toBe("block");
  expect(shareWord({ ...rest, root: "share", volumes: "9p" })).toBe("9p");
});

test("the setting of the VMM takes each that there is", () => {
  expect(SETTINGS.vmm.type.values.split(", ").toSorted()).toEqual(["auto", ...VMM_NAMES].toSorted());
});
