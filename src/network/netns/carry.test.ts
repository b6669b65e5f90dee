import { expect, test } from "vitest";
import { chooseCarried } from "./carry.ts";
import type { LinkState } from "./links.ts";
import type { NamespaceState } from "./read.ts";
import { parseRoutes } from "./routes.ts";

function link(index: number, more: Partial<LinkState> = {}): LinkState {
  return {
    index,
    name: `eth${index}`,
    isUp: true,
    isLoopback: false,
    isEthernet: true,
    mac: `02:00:00:00:00:0${index}`,
    mtu: 1500,
    addresses: [],
    ...more,
  };
}

function state(links: LinkState[], defaultLink?: string): NamespaceState {
  const route = {
    type: "1",
    dst: "default",
    dev: defaultLink,
    table: "254",
    protocol: "3",
    scope: "0",
    flags: [],
  };
  return {
    links,
    routes: parseRoutes(defaultLink === undefined ? [] : [route], 4),
    rules: [],
    neighbours: [],
    ingress: new Map(),
    advertised: new Set(),
  };
}

function names(all: NamespaceState, card?: number): string[] {
  return chooseCarried(all, card).links.map(({ name }) => name);
}

test("the card is what is up, largest, leads out, and was first, in this order", () => {
  expect(names(state([link(3), link(2)]))).toEqual(["eth2", "eth3"]);
  expect(names(state([link(2), link(3)], "eth3"))).toEqual(["eth3", "eth2"]);
  expect(names(state([link(2, { mtu: 9000 }), link(3)], "eth3"))).toEqual(["eth2", "eth3"]);
  expect(names(state([link(2, { mtu: 9000, isUp: false }), link(3)]))).toEqual(["eth3", "eth2"]);
});

test("what is the card stays it while it is there", () => {
  expect(names(state([link(2), link(3)], "eth2"), 3)).toEqual(["eth3", "eth2"]);
  expect(names(state([link(2), link(4, { mtu: 9000 })], "eth2"), 2)).toEqual(["eth2", "eth4"]);
  expect(names(state([link(2), link(4)], "eth2"), 3)).toEqual(["eth2", "eth4"]);
});

test("what cannot be told by its MAC is left out, with the reason", () => {
  const { links, notices } = chooseCarried(
    state([
      link(1, { name: "lo", isLoopback: true, isEthernet: false }),
      link(2),
      link(3, { kind: "ipvlan", mac: "02:00:00:00:00:02" }),
      link(4, { name: "wg0", kind: "wireguard", isEthernet: false }),
      link(5, { name: 'a"b' }),
      link(6, { name: "nktap0" }),
      link(7, { name: "nkbr0" }),
      link(8, { name: "all" }),
    ]),
  );
  expect(links.map(({ name }) => name)).toEqual(["eth2"]);
  expect(notices).toEqual([
    "the VM does not get the interface eth3 of its network namespace: it has the MAC of eth2, by which they are told apart",
    "the VM does not get the interface wg0 of its network namespace: its packets are not Ethernet frames (it is of the kind wireguard)",
    'the VM does not get the interface a"b of its network namespace: its name has other characters than letters, digits and _.@+-',
    "the VM does not get the interface all of its network namespace: its name means something else to the guest",
  ]);
});
