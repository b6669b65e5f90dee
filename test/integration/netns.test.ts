import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { ip, run } from "./netns-guest.ts";
import { NetnsRig } from "./netns-rig.ts";
import { buildNative } from "./shadow-rig.ts";

let rig: NetnsRig;
beforeAll(buildNative);
beforeEach(() => {
  rig = new NetnsRig();
});
afterEach(() => rig.close());

/** Two interfaces with addresses of both versions, a policy route for the second, a neighbour that somebody has set. */
function twoInterfaces(): void {
  rig.veth("eth0", "mtu 1500", ["10.5.0.2/24", "fd05::2/64"]);
  rig.veth("eth1", "mtu 9000", ["10.6.0.2/24", "fd06::2/64"]);
  rig.addresses(rig.peer, "eth0", ["10.5.0.1/24", "fd05::1/64"]);
  rig.addresses(rig.peer, "eth1", ["10.6.0.1/24", "fd06::1/64"]);
  rig.addresses(rig.peer, "lo", ["10.99.0.1/32", "fd99::1/128"]);
  ip(rig.container, "route add default via 10.5.0.1");
  ip(rig.container, "-6 route add default via fd05::1");
  ip(rig.container, "route add default via 10.6.0.1 table 100");
  ip(rig.container, "rule add from 10.6.0.2 table 100 priority 1000");
  ip(rig.container, `neigh add 10.5.0.1 lladdr ${rig.mac(rig.peer, "eth0")} dev eth0 nud permanent`);
}

test("two interfaces of different size are the guest's, with addresses, routes, rules and neighbours", async () => {
  twoInterfaces();
  const before = rig.traces();
  await rig.bootVm();
  const network = await rig.open();
  const told = await rig.plug(network);
  rig.configure(told);
  for (const address of ["10.5.0.1", "10.6.0.1", "fd05::1", "fd06::1", "10.99.0.1", "fd99::1"])
    rig.ping(rig.guest, address);
  rig.ping(rig.guest, "10.99.0.1", "-I", "10.6.0.2");
  for (const address of ["10.5.0.2", "10.6.0.2", "fd05::2", "fd06::2"]) rig.ping(rig.peer, address);
  rig.ping(rig.guest, "10.5.0.1", "-M", "do", "-s", "1472");
  rig.ping(rig.guest, "10.6.0.1", "-M", "do", "-s", "8972");
  rig.ping(rig.peer, "10.6.0.2", "-M", "do", "-s", "8972");
  expect(rig.macOf(rig.peer, "10.5.0.2")).toBe(rig.mac(rig.container, "eth0"));
  expect(rig.macOf(rig.peer, "10.6.0.2")).toBe(rig.mac(rig.container, "eth1"));
  expect(ip(rig.guest, "rule")).toContain("1000:\tfrom 10.6.0.2 lookup 100");
  expect(await network.refresh()).toBeUndefined();
  await network.close();
  await rig.endVm();
  expect(rig.traces()).toBe(before);
});

test("nothing of the namespace's own stack answers in the guest's stead", async () => {
  twoInterfaces();
  rig.ping(rig.peer, "10.5.0.2");
  ip(rig.peer, "neigh flush all");
  await rig.bootVm();
  await rig.plug(await rig.open());
  expect(() => rig.ping(rig.peer, "10.5.0.2", "-W", "1")).toThrow();
  expect(rig.macOf(rig.peer, "10.5.0.2")).toBeUndefined();
});

test("a default route of version 6 alone is enough, and so is none", async () => {
  rig.veth("eth0", "", ["fd05::2/64"]);
  rig.veth("eth1", "", ["10.6.0.2/24"]);
  rig.addresses(rig.peer, "eth0", ["fd05::1/64", "fd99::1/128"]);
  rig.addresses(rig.peer, "eth1", ["10.6.0.1/24"]);
  ip(rig.container, "-6 route add default via fd05::1 dev eth0");
  await rig.bootVm();
  const network = await rig.open();
  const told = await rig.plug(network);
  expect(told.links.map(({ name, isCard }) => [name, isCard])).toEqual([
    ["eth0", true],
    ["eth1", false],
  ]);
  rig.configure(told);
  rig.ping(rig.guest, "fd99::1");
  rig.ping(rig.guest, "10.6.0.1");
  ip(rig.container, "-6 route del default");
  const later = await network.refresh();
  expect(later?.routes).toEqual([]);
  expect(later?.links).toEqual(told.links);
});

test("a macvlan whose parent is elsewhere is an interface as others are", async () => {
  rig.veth("wire");
  ip(rig.container, `link set wire netns ${rig.vmm}`);
  ip(rig.vmm, "link set wire up");
  ip(rig.vmm, `link add link wire name mv0 type macvlan mode bridge`);
  ip(rig.vmm, `link set mv0 netns ${rig.container} name eth0`);
  ip(rig.container, "link set eth0 up");
  rig.addresses(rig.container, "eth0", ["10.5.0.2/24"]);
  rig.addresses(rig.peer, "wire", ["10.5.0.1/24"]);
  await rig.bootVm();
  rig.configure(await rig.plug(await rig.open()));
  rig.ping(rig.guest, "10.5.0.1");
  rig.ping(rig.peer, "10.5.0.2");
  expect(rig.macOf(rig.peer, "10.5.0.2")).toBe(rig.mac(rig.container, "eth0"));
});

test("large segments of a stream arrive whole", async () => {
  rig.veth("eth0", "", ["10.5.0.2/24"]);
  rig.addresses(rig.peer, "eth0", ["10.5.0.1/24"]);
  await rig.bootVm();
  rig.configure(await rig.plug(await rig.open()));
  const script =
    "socat -u TCP-LISTEN:7000,reuseaddr OPEN:/dev/null & until ss -ltn | grep -q :7000; do :; done; " +
    `head -c 20000000 /dev/zero | ip netns exec ${rig.guest} socat -u - TCP:10.5.0.1:7000 && wait $!`;
  run(rig.peer, "timeout", "30", "sh", "-ec", script);
  expect(Number(/RX:.*\n\s*(\d+)/.exec(ip(rig.peer, "-s link show eth0"))?.[1])).toBeGreaterThan(20_000_000);
});
