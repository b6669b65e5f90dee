import { expect, it } from "vitest";
import { distribution, virtiofsdPackage } from "./distribution.ts";

it.each([
  ["debian", "12", "qemu-system-common"],
  ["debian", "13", "virtiofsd"],
  ["ubuntu", "22.04", "qemu-system-common"],
  ["ubuntu", "24.04", "virtiofsd"],
  ["fedora", "40", "virtiofsd"],
])("on %s %s virtiofsd is in %s", (id, version, name) => {
  const found = distribution(`PRETTY_NAME="Some Linux"\nID=${id}\nVERSION_ID="${version}"\n`);
  expect(found).toEqual({ name: "Some Linux", id, version: Number(version) });
  expect(virtiofsdPackage(found)).toBe(name);
});

it("knows nothing of an empty os-release", () => {
  expect(distribution("")).toMatchObject({ name: "an unknown distribution", id: "" });
});
