import { describe, expect, it } from "vitest";
import { sourcedSetting } from "./settings.ts";

describe("sourcedSetting", () => {
  it.each<[string | number, number]>([
    ["1024", 1024],
    [1024, 1024],
    ["512M", 512],
    ["512MiB", 512],
    ["2G", 2048],
    ["2gb", 2048],
  ])("reads a memory of %s", (text, mib) => {
    expect(sourcedSetting("memSizeMib", text, "--vm-memory")).toEqual({
      source: "--vm-memory",
      settings: { memSizeMib: mib },
    });
  });

  it.each(["0", "12k", "-5", "1.5G", "", {}, undefined])("refuses a memory of %j", (value) => {
    expect(() => sourcedSetting("memSizeMib", value, "--vm-memory")).toThrow(
      /^--vm-memory: expected a number of MiB/,
    );
  });

  it.each(["0", "65", "two", 1.5])("refuses %j CPUs", (value) => {
    expect(() => sourcedSetting("vcpus", value, "--vm-vcpus")).toThrow("a whole number from 1 to 32");
  });

  it("wants absolute paths", () => {
    expect(() => sourcedSetting("kernel", "vmlinux", "x")).toThrow(
      'x: expected an absolute path, found "vmlinux"',
    );
  });
});
