import { expect, test } from "vitest";
import { mirrorBatch, type Port } from "./mirror.ts";

const card: Port = { name: "eth0", index: 2, mac: "02:00:00:00:00:02" };
const other: Port = { name: "eth1", index: 3, mac: "02:00:00:00:00:03" };
const ingressOf = (...names: string[]): Map<string, string> =>
  new Map(names.map((name) => [name, "ingress"]));
const all = ingressOf("eth0", "eth1", "nktap0");

test("all that an interface gets goes to the tap, and from there to the interface of its MAC, else to the card's", () => {
  expect(mirrorBatch([card, other], [], new Map())).toBe(
    [
      "qdisc add dev eth0 ingress",
      "filter add dev eth0 parent ffff: protocol all prio 28267 u32 match u32 0 0 action mirred egress redirect dev nktap0",
      "qdisc add dev eth1 ingress",
      "filter add dev eth1 parent ffff: protocol all prio 28267 u32 match u32 0 0 action mirred egress redirect dev nktap0",
      "qdisc add dev nktap0 ingress",
      "filter add dev nktap0 parent ffff: protocol all prio 28267 u32 match ether src 02:00:00:00:00:03 action mirred egress redirect dev eth1",
      "filter add dev nktap0 parent ffff: protocol all prio 28267 u32 match u32 0 0 action mirred egress redirect dev eth0",
      "",
    ].join("\n"),
  );
});

test("the same once more changes nothing", () => {
  expect(mirrorBatch([card, other], [card, other], all)).toBe("");
  expect(mirrorBatch([], [], new Map())).toBe("");
});

function touched(batch: string): string[] {
  return batch.split("\n").flatMap((line) => /^(qdisc \w+ dev \S+ \w+)/.exec(line)?.[1] ?? []);
}

test("what is there already is replaced: of a killed monitor, or somebody else's", () => {
  expect(touched(mirrorBatch([card], [], new Map([["eth0", "clsact"]])))).toEqual([
    "qdisc del dev eth0 clsact",
    "qdisc add dev eth0 ingress",
    "qdisc add dev nktap0 ingress",
  ]);
});

test("only what has changed is touched, and the tap", () => {
  const renewed = { ...other, index: 9 };
  const tap = ["qdisc del dev nktap0 ingress", "qdisc add dev nktap0 ingress"];
  expect(touched(mirrorBatch([card, other], [card], ingressOf("eth0", "nktap0")))).toEqual([
    "qdisc add dev eth1 ingress",
    ...tap,
  ]);
  expect(touched(mirrorBatch([card, renewed], [card, other], ingressOf("eth0", "nktap0")))).toEqual([
    "qdisc add dev eth1 ingress",
    ...tap,
  ]);
  expect(touched(mirrorBatch([card], [card, other], all))).toEqual(["qdisc del dev eth1 ingress", ...tap]);
  expect(touched(mirrorBatch([], [card], ingressOf("nktap0")))).toEqual(["qdisc del dev nktap0 ingress"]);
});

test("what somebody has removed is made again", () => {
  expect(touched(mirrorBatch([card], [card], ingressOf("nktap0")))).toEqual(["qdisc add dev eth0 ingress"]);
});
