import { describe, expect, it } from "vitest";
import { bridgeLines, canHaveIpv6, mtuOf } from "./bridge.ts";
import { checkHost } from "./check.ts";
import { parseFacts, type HostFacts } from "./facts.ts";
import { checkSpec } from "./subnets.ts";
import { forwardingSysctls, valuesBefore } from "./sysctls.ts";

const SUBNETS = checkSpec({
  kind: "tap",
  bridge: "nk0",
  subnet: "10.87.0.0/16",
  subnet6: "fd6e:6b00:0:1::/64",
  publish: [],
});
const RECORD = { subnet: "10.87.0.0/16", subnet6: "fd6e:6b00:0:1::/64", mac: "02:6e:6c:00:00:01" };

/** As `ip -json -details -batch -` writes it. */
function facts(routes: object[] = [], links: object[] = []): HostFacts {
  const eth0 = {
    ifname: "eth0",
    address: "aa:bb:cc:00:00:01",
    mtu: 1400,
    flags: ["BROADCAST", "UP"],
    addr_info: [
      { local: "192.0.2.5", prefixlen: 24 },
      { local: "2001:db8::5", prefixlen: 64, dynamic: true, mngtmpaddr: true },
    ],
  };
  const wg0 = {
    ifname: "wg0",
    mtu: 1280,
    flags: ["UP"],
    linkinfo: { info_kind: "wireguard" },
    addr_info: [],
  };
  const all = routes.map((route) => ({ type: "unicast", table: "main", ...route }));
  return {
    ...parseFacts(`${JSON.stringify([eth0, wg0, ...links])}\n${JSON.stringify(all)}\n`),
    hasIpv6: true,
  };
}

const OURS = {
  ifname: "nk0",
  address: RECORD.mac,
  mtu: 1500,
  flags: ["UP"],
  linkinfo: { info_kind: "bridge" },
  addr_info: [
    { local: "10.87.0.1", prefixlen: 16 },
    { local: "fd6e:6b00:0:1::1", prefixlen: 64 },
    { local: "fe80::1", prefixlen: 64 },
  ],
};

describe("the MTU is that of the link with the default route", () => {
  it.each([
    [[], 1500],
    [[{ dst: "default", dev: "eth0" }], 1400],
    [
      [
        { dst: "default", dev: "eth0", metric: 100 },
        { dst: "default", dev: "wg0", metric: 50 },
      ],
      1280,
    ],
    [
      [
        { dst: "default", dev: "wg0", pref: "medium" },
        { dst: "default", dev: "eth0", metric: 1024 },
      ],
      1400,
    ],
    [[{ dst: "default", nexthops: [{ dev: "wg0" }, { dev: "eth0" }] }], 1280],
    [[{ dst: "default", dev: "wg0", table: "51820" }], 1500],
  ])("%j: %i", (routes, mtu) => {
    expect(mtuOf(facts(routes))).toBe(mtu);
  });
});

describe("the bridge", () => {
  it("is made", () => {
    expect(bridgeLines("nk0", SUBNETS, RECORD, facts([{ dst: "default", dev: "eth0" }]))).toEqual([
      "link add name nk0 address 02:6e:6c:00:00:01 mtu 1400 type bridge",
      "link set dev nk0 mtu 1400",
      "address add 10.87.0.1/16 broadcast 10.87.255.255 dev nk0",
      "address add fd6e:6b00:0:1::1/64 nodad dev nk0",
      "link set dev nk0 up",
    ]);
  });

  it("is mended, and left alone when it is as it should be", () => {
    expect(bridgeLines("nk0", SUBNETS, RECORD, facts([], [OURS]))).toEqual([]);
    const broken = { ...OURS, mtu: 9000, flags: [], addr_info: OURS.addr_info.slice(1) };
    expect(bridgeLines("nk0", SUBNETS, RECORD, facts([], [broken]))).toEqual([
      "link set dev nk0 mtu 1500",
      "address add 10.87.0.1/16 broadcast 10.87.255.255 dev nk0",
      "link set dev nk0 up",
    ]);
  });
});

describe("IPv6", () => {
  const small = [{ dst: "default", dev: "small" }];
  const link = { ifname: "small", mtu: 1000, flags: ["UP"], addr_info: [] };

  it("is not for a bridge as small as the link with the default route", () => {
    expect(canHaveIpv6(facts(small, [link]))).toBe(false);
    expect(canHaveIpv6(facts(small, [{ ...link, mtu: 1280 }]))).toBe(true);
    expect(bridgeLines("nk0", { v4: SUBNETS.v4 }, RECORD, facts(small, [link]))[0]).toContain(" mtu 1000 ");
  });

  it("is kept on a bridge when that link becomes small, as far as the host has it", () => {
    expect(bridgeLines("nk0", SUBNETS, RECORD, facts(small, [link, OURS]))).toEqual([
      "link set dev nk0 mtu 1280",
    ]);
    const without = { ...OURS, addr_info: OURS.addr_info.slice(0, 1) };
    expect(bridgeLines("nk0", SUBNETS, RECORD, { ...facts([], [without]), hasIpv6: false })).toEqual([]);
  });
});

describe("what is not touched", () => {
  const check =
    (found: HostFacts, record = undefined as typeof RECORD | undefined) =>
    (): void =>
      checkHost("nk0", SUBNETS, record, found);

  it("is nothing on an ordinary host, also one with a VPN for everything", () => {
    expect(
      check(
        facts([
          { dst: "default", dev: "eth0" },
          { dst: "0.0.0.0/1", dev: "wg0" },
        ]),
      ),
    ).not.toThrow();
    expect(check(facts([{ dst: "10.87.0.0/16", dev: "nk0" }], [OURS]), RECORD)).not.toThrow();
  });

  it.each([
    [{ dst: "10.0.0.0/8", dev: "wg0" }, "wg0 has a route to 10.0.0.0/8"],
    [{ dst: "10.87.3.4", dev: "wg0" }, "wg0 has a route to 10.87.3.4/32"],
    [{ dst: "fd6e:6b00::/32", dev: "wg0" }, "wg0 has a route to fd6e:6b00::/32"],
  ])("a route %j", (route, words) => {
    expect(check(facts([route]))).toThrow(words);
  });

  it("what leads nowhere is no use of a subnet", () => {
    expect(check(facts([{ dst: "10.0.0.0/8", type: "blackhole" }]))).not.toThrow();
  });

  it("a bridge without our record, or with another MAC", () => {
    expect(check(facts([], [OURS]))).toThrow("the host has an interface of the kind bridge of that name");
    expect(check(facts([], [{ ...OURS, address: "02:6e:6c:00:00:02" }]), RECORD)).toThrow("did not make");
    expect(check(facts([], [{ ...OURS, linkinfo: { info_kind: "dummy" } }]), RECORD)).toThrow("kind dummy");
  });
});

describe("forwarding", () => {
  const reader =
    (values: Record<string, string>) =>
    (path: string): string | undefined =>
      values[path];
  const OFF = { "ipv4/ip_forward": "0", "ipv6/conf/all/forwarding": "0", "ipv6/conf/eth0/accept_ra": "1" };

  it("is set where it is off, after what keeps advertised routes", () => {
    expect(forwardingSysctls(facts(), SUBNETS, reader(OFF))).toEqual([
      { path: "ipv6/conf/eth0/accept_ra", value: "2" },
      { path: "ipv4/ip_forward", value: "1" },
      { path: "ipv6/conf/all/forwarding", value: "1" },
    ]);
    const alone = [{ path: "ipv4/ip_forward", value: "1" }];
    expect(forwardingSysctls({ ...facts(), hasIpv6: false }, SUBNETS, reader(OFF))).toEqual(alone);
    expect(forwardingSysctls(facts(), { v4: SUBNETS.v4 }, reader(OFF))).toEqual(alone);
  });

  it("is left alone where it is on, or where a program takes the advertisements", () => {
    const on = { "ipv4/ip_forward": "1", "ipv6/conf/all/forwarding": "1", "ipv6/conf/eth0/accept_ra": "0" };
    expect(forwardingSysctls(facts(), SUBNETS, reader(on))).toEqual([]);
  });

  it("is put back for all first, then for the links that forwarded alone", () => {
    const values = { ...OFF, "ipv4/conf/wg0/forwarding": "1", "ipv4/conf/all/accept_redirects": "0" };
    const changes = forwardingSysctls(facts(), SUBNETS, reader(values));
    expect(valuesBefore(changes, ["all", "eth0", "wg0"], reader(values))).toEqual([
      { path: "ipv4/ip_forward", value: "0" },
      { path: "ipv6/conf/all/forwarding", value: "0" },
      { path: "ipv4/conf/wg0/forwarding", value: "1" },
      { path: "ipv4/conf/all/accept_redirects", value: "0" },
      { path: "ipv6/conf/eth0/accept_ra", value: "1" },
    ]);
  });
});
