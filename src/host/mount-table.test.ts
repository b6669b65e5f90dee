import { expect, it } from "vitest";
import { mountTable } from "./mount-table.ts";

it("reads mounts with and without optional fields, and names with blanks", () => {
  const lines = [
    "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw",
    "84 22 0:60 /of/it /a\\040b\\134c ro,nosuid,relatime master:1 propagate_from:2 - tmpfs tmpfs rw",
    "85 84 0:61 / /c rw - overlay overlay rw,lowerdir=/x",
  ];
  expect(mountTable(`${lines.join("\n")}\n`)).toEqual([
    { path: "/", device: "254:0", options: ["rw", "relatime"], type: "ext4", superOptions: ["rw"] },
    {
      path: "/a b\\c",
      device: "0:60",
      options: ["ro", "nosuid", "relatime"],
      type: "tmpfs",
      superOptions: ["rw"],
    },
    { path: "/c", device: "0:61", options: ["rw"], type: "overlay", superOptions: ["rw", "lowerdir=/x"] },
  ]);
  expect(mountTable().some(({ path }) => path === "/proc")).toBe(true);
});
