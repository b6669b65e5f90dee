import { describe, expect, it } from "vitest";
import { chooseFormat, diskFormatsOf } from "./disk-format.ts";
import type { FeatureName, Lack } from "./kernel-features.ts";
import type { TreeScan } from "./tree-scan.ts";

const scan: TreeScan = {
  key: "k",
  newestChangeNs: 0n,
  entries: 10,
  dataBytes: 4096,
  holeBytes: 0,
  longestNameBytes: 20,
  places: ["/"],
  oldestS: 0,
  newestS: 1_700_000_000,
};
const canMake = (): undefined => undefined;

const lacking = (...features: FeatureName[]): { lacks: Lack[] } => ({
  lacks: features.map((feature) => ({ feature, options: [`CONFIG_${feature.toUpperCase()}`] })),
});
const both = lacking();

describe("what a kernel can mount from a disk", () => {
  it.each<[FeatureName[], string[]]>([
    [
      ["virtiofs", "9p"],
      ["erofs", "ext4"],
    ],
    [["overlay"], ["ext4"]],
    [["erofs"], ["ext4"]],
    [["ext4"], []],
    [["virtio-blk"], []],
  ])("without %j is %j", (features, formats) => {
    expect(diskFormatsOf(lacking(...features))).toEqual(formats);
  });
});

describe("the format of a disk", () => {
  it.each([
    ["auto", both, {}, "erofs"],
    ["auto", lacking("erofs"), {}, "ext4"],
    ["auto", both, { longestNameBytes: 255 }, "ext4"],
    ["auto", both, { holeBytes: 2 * 1024 ** 3 }, "ext4"],
    ["auto", both, { newestS: 2 ** 31 }, "erofs"],
    ["ext4", both, {}, "ext4"],
    ["erofs", both, { oldestS: -(2 ** 40) }, "erofs"],
  ] as const)("%s for %j and a tree %j", (want, kernel, changes, format) => {
    expect(chooseFormat(want, kernel, { ...scan, ...changes }, canMake).format).toBe(format);
  });

  it.each([
    ["erofs", lacking("erofs"), {}, /erofs: the guest's kernel cannot mount erofs \(CONFIG_EROFS\)/],
    ["erofs", both, { longestNameBytes: 255 }, /names of at most 254 bytes/],
    ["erofs", both, { holeBytes: 2 * 1024 ** 3 }, /holes as zeros, and the files have 2048 MiB/],
    ["ext4", both, { newestS: 2 ** 31 }, /no times before 1901 or after 2038/],
    ["ext4", both, { oldestS: -(2 ** 31) - 1 }, /no times before 1901/],
    ["auto", both, { longestNameBytes: 255, newestS: 2 ** 32 }, /erofs: .*; ext4: /],
  ] as const)("%s for %j and a tree %j is refused", (want, kernel, changes, message) => {
    expect(() => chooseFormat(want, kernel, { ...scan, ...changes }, canMake)).toThrow(message);
  });

  it("is one that the host can make", () => {
    const noErofs = (format: string): string | undefined => (format === "erofs" ? "no tool" : undefined);
    expect(chooseFormat("auto", both, scan, noErofs)).toEqual({
      format: "ext4",
      passedOver: ["erofs: no tool"],
    });
    expect(() => chooseFormat("erofs", both, scan, noErofs)).toThrow("erofs: no tool");
  });
});
