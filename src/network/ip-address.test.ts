import { describe, expect, it } from "vitest";
import {
  addressAt,
  broadcastOf,
  formatAddress,
  formatPrefix,
  overlap,
  parseAddress,
  parsePrefix,
  sizeOf,
  type Prefix,
} from "./ip-address.ts";

function prefix(text: string): Prefix {
  const found = parsePrefix(text);
  if (found === undefined) throw new Error(text);
  return found;
}

describe("addresses", () => {
  it.each([
    ["10.87.0.1", "10.87.0.1"],
    ["255.255.255.255", "255.255.255.255"],
    ["::", "::"],
    ["::1", "::1"],
    ["fd6e:6b00:0:1::", "fd6e:6b00:0:1::"],
    ["FD6E:6B00:0:1:0:0:0:2", "fd6e:6b00:0:1::2"],
    ["1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"],
    ["::ffff:10.0.0.1", "::ffff:10.0.0.1"],
  ])("%s is written %s", (text, written) => {
    const address = parseAddress(text);
    expect(address && formatAddress(address)).toBe(written);
  });

  it.each(["", "10.87.0", "10.87.0.256", "fe80::1%eth0", "::1::", "localhost"])("%j is none", (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });
});

describe("prefixes", () => {
  it.each(["10.87.0.0/16", "0.0.0.0/0", "fd6e:6b00:0:1::/64", "::1/128"])("takes %s", (text) => {
    expect(formatPrefix(prefix(text))).toBe(text);
  });

  it.each(["10.87.0.1/16", "10.87.0.0", "10.87.0.0/33", "10.87.0.0/-1", "fd00::1/64", "fd00::/129", "/8"])(
    "refuses %j",
    (text) => {
      expect(parsePrefix(text)).toBeUndefined();
    },
  );

  it("count their addresses", () => {
    expect(addressAt(prefix("10.87.0.0/16"), 256)).toBe("10.87.1.0");
    expect(addressAt(prefix("fd6e:6b00:0:1::/64"), 65_535)).toBe("fd6e:6b00:0:1::ffff");
    expect(broadcastOf(prefix("10.87.0.0/16"))).toBe("10.87.255.255");
    expect(sizeOf(prefix("10.0.0.0/30"))).toBe(4n);
  });

  it.each([
    ["10.0.0.0/8", "10.87.0.0/16", true],
    ["10.87.0.0/16", "10.0.0.0/8", true],
    ["10.87.0.0/16", "10.88.0.0/16", false],
    ["10.87.0.0/16", "10.87.0.0/16", true],
    ["0.0.0.0/0", "10.87.0.0/16", true],
    ["::/0", "10.87.0.0/16", false],
    ["fd6e:6b00::/32", "fd6e:6b00:0:1::/64", true],
    ["fd6e:6b00:0:2::/64", "fd6e:6b00:0:1::/64", false],
  ])("%s and %s overlap: %s", (a, b, expected) => {
    expect(overlap(prefix(a), prefix(b))).toBe(expected);
  });
});
