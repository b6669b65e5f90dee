import { describe, expect, it } from "vitest";
import { chooseNumber, partsOf, tapName, type Lease } from "./lease.ts";
import { checkSpec, type Subnets } from "./subnets.ts";

function subnets(subnet: string, subnet6?: string): Subnets {
  return checkSpec({ kind: "tap", bridge: "nk0", subnet, subnet6, publish: [] });
}
const SMALL = subnets("192.168.7.0/29", "fd00:0:0:7::/64");

function leases(...numbers: number[]): Lease[] {
  const owner = { pid: 1, startTime: 1 };
  return numbers.map((number) => ({ id: "x", owner, number, ...partsOf("nk0", SMALL, number), publish: [] }));
}

describe("a lease", () => {
  it.each([
    [[], [], 2],
    [[2, 3], [], 4],
    [[2, 4], [], 3],
    [[3], ["nk0-2"], 4],
    [[2, 3, 4, 5], [], 6],
  ])("beside %j, on a host with the links %j, is number %i", (taken, links, number) => {
    expect(chooseNumber("nk0", SMALL, leases(...taken), new Set(links))).toBe(number);
  });

  it("is not the broadcast address", () => {
    expect(() => chooseNumber("nk0", SMALL, leases(2, 3, 4, 5, 6), new Set())).toThrow(
      "no address is free in 192.168.7.0/29 of the bridge nk0, where 5 VMs have one: end some, or take a larger subnet",
    );
  });

  it("has a number that both subnets have", () => {
    const of = subnets("10.0.0.0/8", "fd00::/112");
    const all = Array.from(
      { length: 65_533 },
      (_, index) => ({ ...leases(2)[0], number: index + 2 }) as Lease,
    );
    expect(() => chooseNumber("nk0", of, all, new Set())).toThrow("no address is free");
    expect(chooseNumber("nk0", of, all.slice(0, -1), new Set())).toBe(65_534);
  });

  it("has addresses, MAC and tap by its number", () => {
    expect(partsOf("nk0", subnets("10.87.0.0/16", "fd6e:6b00:0:1::/64"), 258)).toEqual({
      tap: "nk0-76",
      mac: "02:6e:6b:00:01:02",
      addresses: ["10.87.1.2/16", "fd6e:6b00:0:1::102/64"],
    });
  });
});

describe("a subnet is none", () => {
  it.each([
    [
      "224.0.0.0/8",
      undefined,
      'subnet "224.0.0.0/8": expected one whose addresses machines have, such as 10.',
    ],
    ["0.0.0.0/8", undefined, "found one of 0.0.0.0/8"],
    ["127.1.0.0/16", undefined, "found one of 127.0.0.0/8"],
    ["10.87.0.0/16", "ff02::/64", "such as fd6e:6b00:0:1::/64, found one of ff00::/8"],
    ["10.87.0.0/16", "fe80::/64", "found one of fe80::/10"],
    ["10.87.0.0/16", "::ffff:0:0/96", "found one of ::/8"],
    ["10.87.0.0/30", undefined, "expected an IPv4 prefix of 8 to 29 bits"],
    ["10.87.0.0/16", "fd00::/127", "expected an IPv6 prefix of 8 to 112 bits"],
  ])("%s with %s", (subnet, subnet6, words) => {
    expect(() => subnets(subnet, subnet6)).toThrow(words);
  });
});

it("names of taps are short, and told apart where bridges have long names", () => {
  const names = ["a-long-bridge-1", "a-long-bridge-2", "nine-byte"].map((bridge) =>
    tapName(bridge, 0xff_ff_ff),
  );
  for (const name of names) expect(Buffer.byteLength(name)).toBeLessThanOrEqual(15);
  expect(new Set(names).size).toBe(3);
});
