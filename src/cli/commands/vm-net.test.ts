import { expect, it } from "vitest";
import { networkText } from "./vm-net.ts";

it("shows the network of a program", () => {
  const text = networkText({ record: { kind: "user", publish: ["8080:80"] } });
  expect(text.split("\n").map((line) => line.trim().split(/ {2,}/))).toEqual([
    ["kind", "user"],
    ["address", "10.0.2.15/24, the same in each VM"],
    ["gateway", "10.0.2.2"],
    ["published", "8080:80"],
    [""],
  ]);
});
