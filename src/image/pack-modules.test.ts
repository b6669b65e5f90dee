import { expect, it } from "vitest";
import { aliasesOf } from "./pack-modules.ts";

it("finds the names by which the kernel asks for a module, but for patterns", () => {
  const names = [
    "license=GPL",
    "alias=rtnl-link-veth",
    "alias=virtio:d00000001v*",
    "alias=net-pf-16-proto-12",
    "x=y",
  ];
  const module = Buffer.concat([
    Buffer.from([0x7f, 0, 0xff]),
    Buffer.from(`\0${names.join("\0")}\0`),
    Buffer.from("alias=no\n"),
  ]);
  expect(aliasesOf(module)).toEqual(["rtnl-link-veth", "net-pf-16-proto-12"]);
});
