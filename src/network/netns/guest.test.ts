import { expect, test } from "vitest";
import { chooseCarried } from "./carry.ts";
import { guestNetwork } from "./guest.ts";
import { parseNamespace, type NamespaceState } from "./read.ts";
import { namespaceState, printed, VERSIONS } from "./testing/states.ts";

function toldOf(state: NamespaceState): ReturnType<typeof guestNetwork> {
  return guestNetwork(state, chooseCarried(state));
}

/** One line for each thing of it. */
function linesOf({ network, notices }: ReturnType<typeof guestNetwork>): string {
  const addresses = network.links.flatMap((link) =>
    link.addresses.map((address) => ({ of: link.name, ...address })),
  );
  const links = network.links.map((link) => ({ ...link, addresses: link.addresses.length }));
  const parts = [links, addresses, network.routes, network.rules, network.neighbours, notices];
  return parts.flatMap((part) => part.map((item) => JSON.stringify(item).replaceAll('"', ""))).join("\n");
}

test.each(VERSIONS)("the guest gets what iproute2 %s says of a namespace", (version) => {
  expect(linesOf(toldOf(parseNamespace(printed(version))))).toMatchInlineSnapshot(`
    "{name:eth1,mac:02:00:00:00:06:02,mtu:9000,isUp:true,isCard:true,acceptRa:false,addresses:4}
    {name:eth0,mac:02:00:00:00:05:02,mtu:1500,isUp:true,isCard:false,acceptRa:true,addresses:4}
    {of:eth1,address:10.6.0.2,prefix:32,peer:10.6.0.1,scope:0}
    {of:eth1,address:10.7.0.2,prefix:24,scope:0,noPrefixRoute:true}
    {of:eth1,address:10.8.0.2,prefix:24,scope:0,noPrefixRoute:true}
    {of:eth1,address:fe80::ff:fe00:602,prefix:64,scope:253}
    {of:eth0,address:10.5.0.2,prefix:24,broadcast:10.5.0.255,scope:0}
    {of:eth0,address:10.5.0.3,prefix:24,scope:0}
    {of:eth0,address:fd05::2,prefix:64,scope:0}
    {of:eth0,address:fe80::ff:fe00:502,prefix:64,scope:253}
    {family:4,destination:10.67.0.0/16,type:7,table:100,protocol:3,scope:0,metric:0,hops:[]}
    {family:4,destination:10.66.0.0/16,type:6,table:254,protocol:3,scope:0,metric:0,hops:[]}
    {family:4,destination:169.254.1.1/32,type:1,table:254,protocol:3,scope:253,metric:0,hops:[{link:eth0}]}
    {family:6,destination:fd66::/48,type:6,table:254,protocol:3,scope:0,metric:1024,hops:[]}
    {family:4,destination:default,type:1,table:100,protocol:3,scope:0,metric:0,hops:[{link:eth1,gateway:10.6.0.1}]}
    {family:4,destination:default,type:1,table:254,protocol:3,scope:0,metric:0,hops:[{link:eth0,gateway:10.5.0.1}]}
    {family:4,destination:10.9.0.0/16,type:1,table:254,protocol:4,scope:0,metric:20,mtu:1400,hops:[{link:eth1,gateway:10.6.0.1}],source:10.6.0.2}
    {family:4,destination:10.10.0.0/16,type:1,table:254,protocol:3,scope:0,metric:0,hops:[{link:eth0,gateway:10.5.0.1,weight:2},{link:eth1,gateway:10.6.0.1,isOnLink:true,weight:1}]}
    {family:6,destination:fd99::/64,type:1,table:254,protocol:3,scope:0,metric:1024,hops:[{link:eth0,gateway:fd05::1,weight:1},{link:eth0,gateway:fd05::9,weight:4}]}
    {family:6,destination:default,type:1,table:254,protocol:3,scope:0,metric:1024,hops:[{link:eth0,gateway:fd05::1}]}
    {family:4,priority:1000,table:100,from:10.6.0.2/32}
    {family:4,priority:1001,table:100,from:10.6.0.0/24,to:1.2.3.4/32,inLink:eth1,outLink:eth0,mark:16,markMask:255}
    {family:6,priority:1000,table:100,from:fd05::/64}
    {link:eth0,address:10.5.0.1,mac:02:00:00:00:00:01}
    {link:eth0,address:fd05::1,mac:02:00:00:00:00:01}
    the VM does not get the IPv4 route to 10.98.0.0/16 of its network namespace: it has \\via\\
    the VM does not get the IPv4 rule 1003 of its network namespace: it has \\not\\
    the VM does not get the IPv4 rule 1005 of its network namespace: it has \\ipproto\\
    the VM does not get the IPv4 rule 1007 of its network namespace: it has \\action\\"
  `);
});

test("addresses and routes that a router lent are the guest's own to get, where it listens to routers", () => {
  const state = namespaceState();
  const lent = {
    family: 6,
    told: { address: "fd77::5", prefix: 64, scope: 0 },
    isLent: true,
    isTaken: false,
  } as const;
  const links = state.links.map((link) => ({ ...link, addresses: [lent] }));
  const all = toldOf({ ...state, links, routes: [] }).network.links;
  expect(all.map(({ name, acceptRa, addresses }) => [name, acceptRa, addresses.length])).toEqual([
    ["eth1", false, 1],
    ["eth0", true, 0],
  ]);
});

test("an address that another machine has is no address of the guest", () => {
  const state = namespaceState();
  const links = state.links.map((link) => ({
    ...link,
    addresses: link.addresses.map((address) => ({ ...address, isTaken: true })),
  }));
  const { network } = toldOf({ ...state, links });
  expect(network.links.flatMap(({ addresses }) => addresses)).toEqual([]);
  // A kernel would refuse them.
  expect(network.routes.filter(({ source }) => source !== undefined)).toEqual([]);
});

test("no link is larger than the card it is on", () => {
  const state = namespaceState();
  const card = state.links.find(({ name }) => name === "eth0")?.index;
  const { links } = guestNetwork(state, chooseCarried(state, card)).network;
  expect(links.map(({ name, mtu, isCard }) => [name, mtu, isCard])).toEqual([
    ["eth0", 1500, true],
    ["eth1", 1500, false],
  ]);
});

test("an interface to a relay of name servers carries the addresses of those, and is never the card", () => {
  const state = namespaceState();
  const relay = { mac: "02:00:00:00:00:0a", addresses: ["127.0.0.11"] };
  const link = {
    index: 9,
    name: "nkdns0",
    isUp: true,
    isLoopback: false,
    isEthernet: true,
    mac: "02:00:00:00:00:0b",
    mtu: 9000,
    addresses: [],
  };
  const { links, notices } = chooseCarried({ ...state, links: [...state.links, link] });
  expect(links.map(({ name }) => name)).toEqual(["eth1", "eth0"]);
  const before = toldOf(state).network;
  const { network } = guestNetwork(state, { links: [...links, { ...link, relay }], notices });
  expect(network.links.slice(0, -1)).toEqual(before.links);
  expect(network.links.at(-1)).toEqual({
    name: "nkdns0",
    mac: link.mac,
    mtu: 9000,
    isUp: true,
    isCard: false,
    acceptRa: false,
    routeLocalnet: true,
    addresses: [],
  });
  expect(network.routes.slice(before.routes.length)).toEqual([
    {
      family: 4,
      destination: "127.0.0.11/32",
      type: 1,
      table: 255,
      protocol: 4,
      scope: 253,
      metric: 0,
      source: "127.0.0.1",
      hops: [{ link: "nkdns0" }],
    },
  ]);
  expect(network.neighbours.slice(before.neighbours.length)).toEqual([
    { link: "nkdns0", address: "127.0.0.11", mac: relay.mac },
  ]);
});
