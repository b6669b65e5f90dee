import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { GuestNetwork } from "../../src/agent/guest-network.ts";
import { netns } from "../../src/network/netns/kind.ts";
import { warnings } from "../../src/trace/channels.ts";
import { ip, run } from "./netns-guest.ts";
import { NetnsRig } from "./netns-rig.ts";
import { buildNative } from "./shadow-rig.ts";

let rig: NetnsRig;
let warned: unknown[];
const warn = (text: unknown): unknown => warned.push(text);
beforeAll(buildNative);
beforeEach(() => {
  rig = new NetnsRig();
  warned = [];
  warnings.subscribe(warn);
});
afterEach(async () => {
  warnings.unsubscribe(warn);
  await rig.close();
});

test("an interface that comes and one that goes are told, once each", async () => {
  rig.interfaces({ eth0: 5 });
  await rig.bootVm();
  const network = await rig.open();
  rig.configure(await rig.plug(network));
  const told: GuestNetwork[] = [];
  network.watch((change) => told.push(change));
  rig.interfaces({ eth1: 6 });
  const names = (): string[] | undefined => told.at(-1)?.links.map(({ name }) => name);
  await expect.poll(() => told.at(-1)?.links[1]?.addresses).toHaveLength(2);
  expect(names()).toEqual(["eth0", "eth1"]);
  rig.configure(told.at(-1) ?? (await rig.plug(network)));
  rig.ping(rig.guest, "10.6.0.1");
  rig.ping(rig.peer, "10.6.0.2");
  ip(rig.container, "link del eth0");
  await expect.poll(names).toEqual(["eth1"]);
  expect(told.at(-1)?.links[0]?.isCard).toBe(true);
  rig.configure(told.at(-1) ?? (await rig.plug(network)));
  rig.ping(rig.guest, "10.6.0.1");
  expect(new Set(told.map((change) => JSON.stringify(change))).size).toBe(told.length);
  expect(await network.refresh()).toBeUndefined();
  expect(warned).toEqual([]);
});

test("redirections that somebody has removed are there again", async () => {
  rig.interfaces({ eth0: 5 });
  await rig.bootVm();
  const network = await rig.open();
  rig.configure(await rig.plug(network));
  const told: GuestNetwork[] = [];
  network.watch((change) => told.push(change));
  const qdiscs = (): string => run(rig.container, "tc", "qdisc").replace(/.*noqueue.*/g, "");
  const before = qdiscs();
  for (const name of ["eth0", "nktap0"]) run(rig.container, "tc", "qdisc", "del", "dev", name, "ingress");
  await expect.poll(qdiscs).toBe(before);
  rig.ping(rig.guest, "10.5.0.1");
  expect([told, warned]).toEqual([[], []]);
});

test("interfaces that come after the plug are found by refresh, and connected", async () => {
  await rig.bootVm();
  const network = await rig.open();
  expect(await rig.plug(network)).toEqual({ links: [], routes: [], rules: [], neighbours: [] });
  expect(await network.refresh()).toBeUndefined();
  rig.interfaces({ eth0: 5 });
  const told = await network.refresh();
  expect(told?.links.map(({ name }) => name)).toEqual(["eth0"]);
  if (told !== undefined) rig.configure(told);
  rig.ping(rig.guest, "10.5.0.1");
});

test("the end of the VMM ends the watch without a word, and close removes what is left", async () => {
  rig.interfaces({ eth0: 5 });
  const before = rig.traces();
  await rig.bootVm();
  const network = await rig.open();
  await rig.plug(network);
  network.watch(() => {});
  await rig.endVm();
  expect(await network.refresh()).toBeUndefined();
  await network.close();
  await network.close();
  expect(rig.traces()).toBe(before);
  expect(warned).toEqual([]);
});

test("what a killed monitor has left is released by its record, and not what another VM has", async () => {
  rig.interfaces({ eth0: 5, eth1: 6 });
  run(rig.container, "tc", "qdisc", "add", "dev", "eth1", "root", "pfifo");
  const before = rig.traces();
  await rig.bootVm();
  await rig.plug(await rig.open());
  const [record = { kind: "none" }] = rig.records;
  const inUse = rig.traces();
  await netns.release(record);
  expect(rig.traces()).toBe(inUse);
  await rig.endVm();
  expect(rig.traces()).not.toBe(before);
  await netns.release({ kind: "netns", netns: `/run/netns/${rig.container}`, inode: 1, tap: "nktap0" });
  expect(rig.traces()).not.toBe(before);
  await netns.release(record);
  await netns.release(record);
  expect(rig.traces()).toBe(before);
});

test("a leftover of a killed monitor does not disturb the next VM", async () => {
  rig.interfaces({ eth0: 5 });
  await rig.bootVm();
  await rig.plug(await rig.open());
  await rig.endVm();
  await rig.bootVm();
  rig.configure(await rig.plug(await rig.open()));
  rig.ping(rig.guest, "10.5.0.1");
});

test("a second VM is refused, and the first goes on", async () => {
  rig.interfaces({ eth0: 5 });
  await rig.bootVm();
  rig.configure(await rig.plug(await rig.open()));
  ip(rig.vmm, "tuntap add vm0 mode tap");
  const second = await rig.open();
  await expect(rig.plug(second)).rejects.toThrow(
    /the network namespace .* is that of the VM box, which would be cut off \(its tap nktap0 is there\)/,
  );
  await second.close();
  rig.ping(rig.guest, "10.5.0.1");
});

test("what cannot be carried is named, with the reason", async () => {
  rig.interfaces({ eth0: 5 });
  ip(rig.container, "tuntap add tun0 mode tun");
  ip(
    rig.container,
    `link add eth1 address ${rig.mac(rig.container, "eth0")} type veth peer name eth1 netns ${rig.peer}`,
  );
  ip(rig.container, "rule add ipproto tcp dport 80 table 200 priority 1005");
  await rig.bootVm();
  const told = await rig.plug(await rig.open());
  expect(told.links.map(({ name }) => name)).toEqual(["eth0"]);
  const given = "the VM does not get the";
  expect(warned.map(String).sort()).toEqual([
    `${given} IPv4 rule 1005 of its network namespace: it has "ipproto"`,
    `${given} interface eth1 of its network namespace: it has the MAC of eth0, by which they are told apart`,
    `${given} interface tun0 of its network namespace: its packets are not Ethernet frames (it is of the kind tun)`,
  ]);
});

test.each([
  ["/nowhere", "the network namespace /nowhere is not there: no such file or directory"],
  ["/etc/passwd", "/etc/passwd is not a network namespace: expected the path of one"],
  ["/proc/self/ns/pid", "found one of the kind pid"],
  ["/proc/self/ns/net", "the network namespace /proc/self/ns/net is the host's own"],
])("%s is no namespace to take over", async (path, message) => {
  const request = {
    spec: { kind: "netns" },
    id: "box",
    hostname: "box",
    monitor: "/nowhere",
    journal: () => {},
    netns: path,
  } as const;
  await expect(netns.open(request)).rejects.toThrow(message);
});
