import { expect, it } from "vitest";
import { scopeOf } from "./systemd-names.ts";

it.each([
  ["user.slice:libpod:abc", "libpod-abc.scope", "user.slice", "/user.slice/libpod-abc.scope"],
  ["a-b.slice:cri:x", "cri-x.scope", "a-b.slice", "/a.slice/a-b.slice/cri-x.scope"],
  [":cri:x", "cri-x.scope", "system.slice", "/system.slice/cri-x.scope"],
  ["-.slice:cri:x", "cri-x.scope", "-.slice", "/cri-x.scope"],
  ["a.slice::x", "x.scope", "a.slice", "/a.slice/x.scope"],
  [undefined, "nano-sandbox-c1.scope", "system.slice", "/system.slice/nano-sandbox-c1.scope"],
  ["", "nano-sandbox-c1.scope", "system.slice", "/system.slice/nano-sandbox-c1.scope"],
])("makes of %s the scope %s", (path, unit, slice, folder) => {
  expect(scopeOf(path, "c1")).toEqual({ unit, slice, folder });
});

it.each([
  ["user.slice:libpod:abc", "user.slice", "libpod-abc.scope"],
  [undefined, "user.slice", "nano-sandbox-c1.scope"],
])("is below the cgroup of a user's systemd: %s", (path, slice, unit) => {
  const base = "/user.slice/user-1000.slice/user@1000.service";
  expect(scopeOf(path, "c1", base)).toEqual({ unit, slice, folder: `${base}/${slice}/${unit}` });
});

it.each([
  [
    "/parent/c1",
    /^expected cgroupsPath to be of format "slice:prefix:name" for systemd cgroups, got "\/parent/,
  ],
  ["a.slice:x", /format "slice:prefix:name"/],
  ["../a.slice:x:y", /^invalid slice name: \.\.\/a\.slice/],
  ["a--b.slice:x:y", /^invalid slice name/],
  ["a:x:y", /^invalid slice name/],
  ["a.slice:x:../y", /^expected a scope with at most 255/],
  ["a.slice:x y:z", /^expected a scope with at most 255/],
  [`a.slice:x:${"y".repeat(248)}`, /^expected a scope with at most 255/],
  ["a.slice:x:pod.slice", /^expected the name of a scope/],
  ["a.slice:x:", /^expected the name of a scope/],
])("refuses %s", (path, message) => {
  expect(() => scopeOf(path, "c1")).toThrow(message);
});
