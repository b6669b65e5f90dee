import { expect, test } from "vitest";
import { bridgeBatch, undoBridgeBatch, withOwnMacs } from "./bridge.ts";
import type { LinkState } from "./links.ts";

const OWN = "02:00:00:00:00:02";
const OTHER = "02:00:00:00:00:99";
const base = { isUp: true, isLoopback: false, isEthernet: true, mtu: 1500, addresses: [] };
const port = { ...base, index: 2, name: "eth0", mac: OWN };
const tap: LinkState = { ...base, index: 3, name: "nktap0" };
const bridge: LinkState = { ...base, index: 4, name: "nkbr0", kind: "bridge", alias: `eth0 ${OWN}` };
const bridged: LinkState[] = [{ ...port, mac: OTHER, master: "nkbr0" }, { ...tap, master: "nkbr0" }, bridge];

test("the bridge has the interface's MAC written on it before that is changed", () => {
  expect(bridgeBatch([port, tap], port, undefined, OTHER).split("\n")).toEqual([
    "link add name nkbr0 mtu 1500 type bridge stp_state 0 forward_delay 0 mcast_snooping 0",
    `link set dev nkbr0 alias "eth0 ${OWN}" arp off`,
    "link set dev eth0 master nkbr0",
    `link set dev eth0 address ${OTHER}`,
    "link set dev nktap0 master nkbr0",
    "",
  ]);
});

test("the same once more changes nothing; a bridge that is left gets the next VM's tap", () => {
  expect(bridgeBatch(bridged, port, undefined, OTHER)).toBe("");
  const left = [bridged[0] ?? port, tap, bridge];
  expect(bridgeBatch(left, port, undefined, OTHER)).toBe("link set dev nktap0 master nkbr0\n");
});

test("the interface to a relay is a port, too, which the other one does not reach", () => {
  const own: LinkState = { ...base, index: 5, name: "nkdns0", mac: OTHER };
  const relay = { ...own, mac: OWN, relay: { mac: OTHER, addresses: ["127.0.0.11"] } };
  expect(bridgeBatch([...bridged, own], port, relay, OTHER).split("\n")).toEqual([
    "link set dev nkdns0 master nkbr0",
    "link set dev eth0 type bridge_slave isolated on",
    "link set dev nkdns0 type bridge_slave isolated on",
    "",
  ]);
  const done = [...bridged, { ...own, master: "nkbr0" }];
  expect(bridgeBatch(done, port, relay, OTHER)).toBe("");
});

test("one that a killed monitor has not finished is finished", () => {
  const half = [{ ...port, master: "nkbr0" }, tap, { ...bridge, isUp: false }];
  expect(bridgeBatch(half, port, undefined, OTHER)).toContain(`link set dev eth0 address ${OTHER}\n`);
});

test("the interface has its own MAC for the guest, and gets it back", () => {
  expect(withOwnMacs(bridged)[0]?.mac).toBe(OWN);
  expect(withOwnMacs([port, tap])).toEqual([port, tap]);
  expect(undoBridgeBatch(bridged)).toBe(`link set dev eth0 address ${OWN}\nlink del dev nkbr0\n`);
  expect(undoBridgeBatch([port, tap])).toBe("");
});

test("another interface of the same name keeps the MAC that it has", () => {
  const renewed = [{ ...port, mac: OTHER }, bridge];
  expect(withOwnMacs(renewed)[0]?.mac).toBe(OTHER);
  expect(undoBridgeBatch(renewed)).toBe("link del dev nkbr0\n");
});
