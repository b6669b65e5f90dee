import { describe, expect, it } from "vitest";
import { parsePublication } from "../publication.ts";
import { partsOf, type Lease } from "./lease.ts";
import { noRules, rules } from "./rules.ts";
import { checkSpec, type Subnets } from "./subnets.ts";

function subnets(subnet6?: string): Subnets {
  return checkSpec({ kind: "tap", bridge: "nk0", subnet: "10.87.0.0/16", subnet6, publish: [] });
}
const BOTH = subnets("fd6e:6b00:0:1::/64");

function lease(of: Subnets, ...ports: string[]): Lease {
  const owner = { pid: 1, startTime: 1 };
  return { id: "c1", owner, number: 2, ...partsOf("nk0", of, 2), publish: ports.map(parsePublication) };
}

/** The rules of a chain, without its type and policy. */
function chain(name: string, text: string): string[] {
  const [, body = ""] = new RegExp(`chain ${name} {\n([^}]*(?:{[^}]*}[^}]*)*)\n  }`).exec(text) ?? [];
  return body
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => !line.startsWith("type "));
}

it("is one table, in the place of the one that was there", () => {
  expect(rules("nk0", BOTH, [lease(BOTH, "8080:80")])).toMatchInlineSnapshot(`
    "add table inet nano-sandbox-nk0
    delete table inet nano-sandbox-nk0
    table inet nano-sandbox-nk0 {
      chain from {
        type filter hook prerouting priority raw; policy accept;
        iifname "nk0-2" drop
        iifname "nk0" ip daddr 127.0.0.0/8 drop
        iifname "nk0" ip saddr != 10.87.0.0/16 drop
        iifname "nk0" ip6 saddr != { fe80::/10, ::, fd6e:6b00:0:1::/64 } drop
      }
      chain forward {
        type filter hook forward priority filter; policy accept;
        iifname "nk0" accept
        oifname "nk0" ct state established,related accept
        oifname "nk0" ct status dnat accept
        oifname "nk0" drop
      }
      chain prerouting {
        type nat hook prerouting priority dstnat; policy accept;
        fib daddr type local jump published
      }
      chain output {
        type nat hook output priority -100; policy accept;
        fib daddr type local jump published
      }
      chain published {
        ip6 daddr { ::1, fe80::/10 } return
        ip saddr != 10.87.0.2 tcp dport 8080 dnat ip to 10.87.0.2:80 comment "c1"
        ip6 saddr != fd6e:6b00:0:1::2 tcp dport 8080 dnat ip6 to [fd6e:6b00:0:1::2]:80 comment "c1"
      }
      chain postrouting {
        type nat hook postrouting priority srcnat; policy accept;
        ip saddr 10.87.0.0/16 oifname != "nk0" masquerade
        ip saddr { 127.0.0.0/8, 10.87.0.0/16 } oifname "nk0" ct status dnat masquerade
        ip6 saddr fd6e:6b00:0:1::/64 oifname != "nk0" masquerade
        ip6 saddr fd6e:6b00:0:1::/64 oifname "nk0" ct status dnat masquerade
      }
    }
    "
  `);
  expect(noRules("nk0")).toBe("add table inet nano-sandbox-nk0\ndelete table inet nano-sandbox-nk0\n");
});

describe("a published port", () => {
  it.each([
    [
      "8080:80",
      [
        "ip saddr != 10.87.0.2 tcp dport 8080 dnat ip to 10.87.0.2:80",
        "ip6 saddr != fd6e:6b00:0:1::2 tcp dport 8080 dnat ip6 to [fd6e:6b00:0:1::2]:80",
      ],
    ],
    ["0.0.0.0:53:5353/udp", ["ip saddr != 10.87.0.2 udp dport 53 dnat ip to 10.87.0.2:5353"]],
    ["[::]:8080:80", ["ip6 saddr != fd6e:6b00:0:1::2 tcp dport 8080 dnat ip6 to [fd6e:6b00:0:1::2]:80"]],
    [
      "127.0.0.1:8080:80",
      ["ip daddr 127.0.0.1 ip saddr != 10.87.0.2 tcp dport 8080 dnat ip to 10.87.0.2:80"],
    ],
    [
      "[2001:db8::1]:8080:80",
      [
        "ip6 daddr 2001:db8::1 ip6 saddr != fd6e:6b00:0:1::2 tcp dport 8080 dnat ip6 to [fd6e:6b00:0:1::2]:80",
      ],
    ],
    ["[::1]:8080:80", []],
  ])("%s", (port, expected) => {
    const [, ...found] = chain("published", rules("nk0", BOTH, [lease(BOTH, port)]));
    expect(found).toEqual(expected.map((rule) => `${rule} comment "c1"`));
  });

  it("is of IPv4 alone where the container has no other address", () => {
    const of = subnets();
    const text = rules("nk0", of, [lease(of, "8080:80")]);
    expect(chain("published", text).slice(1)).toEqual([
      'ip saddr != 10.87.0.2 tcp dport 8080 dnat ip to 10.87.0.2:80 comment "c1"',
    ]);
    expect(chain("from", text)).toContain('iifname "nk0" ip6 saddr != { fe80::/10, :: } drop');
    expect(chain("postrouting", text).join()).not.toContain("ip6");
  });
});

it("leaves public IPv6 addresses as they are", () => {
  const text = rules("nk0", subnets("2001:db8:7::/64"), []);
  expect(chain("postrouting", text).filter((rule) => rule.startsWith("ip6"))).toEqual([
    'ip6 saddr 2001:db8:7::/64 oifname "nk0" ct status dnat masquerade',
  ]);
});

it("says nothing in a comment that could end it", () => {
  const text = rules("nk0", BOTH, [{ ...lease(BOTH, "0.0.0.0:8080:80"), id: `a" drop\n${"x".repeat(200)}` }]);
  expect(text).toContain(`comment "a__drop_${"x".repeat(56)}"\n`);
});
