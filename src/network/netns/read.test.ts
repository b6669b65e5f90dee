import { expect, test } from "vitest";
import { parseLinks } from "./links.ts";
import { parseNamespace } from "./read.ts";
import { parseRoutes } from "./routes.ts";
import { parseRules } from "./rules.ts";
import { namespaceState, printed } from "./testing/states.ts";

test("a namespace has its qdiscs and who listens to routers", () => {
  const { ingress, advertised } = namespaceState();
  expect([...ingress]).toEqual([["eth1", "clsact"]]);
  expect(advertised).toContain("eth0");
  expect(advertised).not.toContain("eth1");
});

test.each([
  ["ra 1 0 0 eth0", true],
  ["ra 1 1 0 eth0", false],
  ["ra 2 1 0 eth0", true],
  ["ra 1 0 1 eth0", false],
  ["ra    eth0", false],
])("%s: it listens: %s", (line, expected) => {
  expect(parseNamespace(`${printed().replace(/^ra .*\n/gm, "")}${line}\n`).advertised.has("eth0")).toBe(
    expected,
  );
});

test("a kernel without version 6 has the rest", () => {
  const state = parseNamespace("[]\n[]\n[]\n[]\n");
  expect(state).toMatchObject({ links: [], routes: [], rules: [] });
});

test.each([
  ["[]\n[]\n", "expected 4 or 6 lines of JSON from ip, found 2"],
  ["[]\n[]\n[]\n[{]\n", "expected JSON of ip, found [{]"],
  ["[1]\n[]\n[]\n[]\n", 'what "ip addr" says: expected a list of objects, found an array in [1]'],
])("%j is an error that shows it", (output, message) => {
  expect(() => parseNamespace(output)).toThrow(message);
});

test("what is not as iproute2 has it is an error that shows it", () => {
  const link = { ifindex: 1, ifname: "eth0", flags: [], link_type: "[1]", address: "02:00:00:00:00:01" };
  expect(() => parseLinks([{ ...link, mtu: "1500" }])).toThrow(
    `cannot read what "ip addr" says: expected a number as "mtu", found a string in {"ifindex":1`,
  );
  expect(() => parseLinks([{ ...link, mtu: 1500, linkinfo: [] }])).toThrow(
    'an object as "linkinfo", found an array',
  );
  expect(() => parseRoutes([{ type: "unicast", dst: "default", flags: [] }], 4)).toThrow(
    'expected a number as a text as "type", found a string',
  );
  expect(() => parseRules([{ priority: 5, src: "all" }], 6)).toThrow(
    'what "ip -6 rule" says: expected a text as "table"',
  );
});

test("prefixes of zeros are spelt out, and objects without members are nothing", () => {
  const rules = parseRules([{}, { priority: 5, src: "0", srclen: 1, dst: "fd00::1", table: "7" }], 6);
  expect(rules).toEqual([{ told: { family: 6, priority: 5, table: 7, from: "::/1", to: "fd00::1/128" } }]);
});
