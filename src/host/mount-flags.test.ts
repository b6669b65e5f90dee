import { expect, test } from "vitest";
import { holdsBelow, MS, parseMountOptions } from "./mount-flags.ts";

test("turns bind options into flags", () => {
  const { flags, data } = parseMountOptions(["rbind", "ro", "nosuid", "nodev", "noexec"]);
  expect(flags).toBe(MS.BIND | MS.REC | MS.RDONLY | MS.NOSUID | MS.NODEV | MS.NOEXEC);
  expect(data).toBe("");
});

test("later options win", () => {
  expect(parseMountOptions(["ro", "rw"]).flags).toBe(0);
  expect(parseMountOptions(["noatime", "relatime"]).flags).toBe(MS.RELATIME);
});

test("recursive propagation does not make the bind recursive", () => {
  const { flags, propagation } = parseMountOptions(["bind", "rslave"]);
  expect(flags).toBe(MS.BIND | MS.SLAVE);
  expect(propagation).toBe(MS.SLAVE | MS.REC);
});

test("the last propagation replaces the ones before", () => {
  expect(parseMountOptions(["rbind", "shared", "rprivate"]).flags).toBe(MS.BIND | MS.REC | MS.PRIVATE);
});

test("keeps what it does not know as the file system's own options", () => {
  expect(parseMountOptions(["nosuid", "mode=1777", "size=64m", "constructor"])).toEqual({
    flags: MS.NOSUID,
    propagation: 0,
    data: "mode=1777,size=64m,constructor",
  });
});

test("no options, no flags", () => {
  expect(parseMountOptions()).toEqual({ flags: 0, propagation: 0, data: "" });
});

test("knows options that hold for what is mounted below", () => {
  const all = [
    "rro",
    "rrw",
    "rnosuid",
    "rrelatime",
    "rprivate",
    "ro",
    "rw",
    "rbind",
    "relatime",
    "remount",
    "r",
    "data",
  ];
  expect(all.filter(holdsBelow)).toEqual(["rro", "rrw", "rnosuid", "rrelatime", "rprivate"]);
});
