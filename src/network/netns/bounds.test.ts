import { expect, test } from "vitest";
import { checkBounds } from "./bounds.ts";

const NOTHING = { links: [], routes: [], rules: [], neighbours: [] };
const neighbour = { link: "eth0", address: "10.0.0.1", mac: "02:00:00:00:00:01" };
const address = { address: "10.0.0.1", prefix: 24, scope: 0 };

test("as many as a guest takes", () => {
  const network = { ...NOTHING, neighbours: Array.from({ length: 1024 }, () => neighbour) };
  expect(checkBounds(network)).toBe(network);
});

test("one more is an error that says how many", () => {
  expect(() =>
    checkBounds({ ...NOTHING, neighbours: Array.from({ length: 1025 }, () => neighbour) }),
  ).toThrow("expected at most 1024 neighbours, found 1025");
});

test("addresses are counted by interface", () => {
  const link = { name: "eth0", mac: neighbour.mac, mtu: 1500, isUp: true, isCard: true, acceptRa: false };
  const addresses = Array.from({ length: 257 }, () => address);
  expect(() => checkBounds({ ...NOTHING, links: [{ ...link, addresses }] })).toThrow(
    "expected at most 256 addresses of eth0, found 257",
  );
});
