import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { TapSpec } from "../../src/network/network.ts";
import { parsePublication } from "../../src/network/publication.ts";
import { SPEC, type Worker } from "./tap-monitor.ts";
import { FAR, HOST, NOTHING, TapRig } from "./tap-rig.ts";

/** What cannot be had: one line that says what was wanted, what was found and what to do, and nothing left. */
let rig: TapRig;
beforeEach(() => {
  rig = new TapRig();
});
afterEach(() => rig.close());

async function refusal(spec: Partial<TapSpec>, monitor: Worker = rig.worker()): Promise<string> {
  const { error } = await monitor.ask({ do: "open", id: "c1", spec: { ...SPEC, ...spec } });
  expect(error?.code).toBe("NETWORK");
  expect(error?.message).not.toContain("\n");
  return error?.message ?? "";
}

function publish(...ports: string[]): Pick<TapSpec, "publish"> {
  return { publish: ports.map(parsePublication) };
}

describe("refused, with nothing left", () => {
  async function refusedWhole(spec: Partial<TapSpec>, monitor?: Worker): Promise<string> {
    const message = await refusal(spec, monitor);
    expect(rig.traces()).toEqual(NOTHING);
    return message;
  }

  test.each([
    [
      { bridge: "a-bridge-of-16-b" },
      'bridge "a-bridge-of-16-b": expected the name of an interface, at most 15',
    ],
    [{ bridge: "../x" }, 'bridge "../x": expected the name of an interface'],
    [{ subnet: "10.87.0.1/16" }, 'subnet "10.87.0.1/16": expected an IPv4 prefix of 8 to 29 bits'],
    [{ subnet: "10.87.0.0/30" }, 'subnet "10.87.0.0/30": expected an IPv4 prefix of 8 to 29 bits'],
    [{ subnet6: "fd00::/120" }, 'subnet "fd00::/120": expected an IPv6 prefix of 8 to 112 bits'],
    [
      { subnet: "198.51.0.0/16" },
      `is in use on this host: eth0 has the address ${HOST.v4}/24: choose another`,
    ],
    [{ subnet6: "2001:db8::/32" }, `is in use on this host: eth0 has the address ${HOST.v6}/64`],
    [
      { bridge: "eth0" },
      "the host has an interface of the kind veth of that name, which nk-runtime did not make",
    ],
  ])("%j", async (spec, words) => {
    expect(await refusedWhole(spec)).toContain(words);
  });

  test("a subnet to which the host has a route", async () => {
    rig.ip(rig.host, "route add 10.87.128.0/24 dev eth0");
    expect(await refusedWhole({})).toBe(
      "the subnet 10.87.0.0/16 of the bridge nk0 is in use on this host: eth0 has a route to 10.87.128.0/24: choose another subnet",
    );
  });

  test.each([
    ["tcp", "TCP-LISTEN:8080", "8080:80"],
    ["tcp", "TCP-LISTEN:8080,bind=127.0.0.1", "8080:80"],
    ["tcp", "TCP6-LISTEN:8080,ipv6only=1", "[::1]:8080:80"],
    ["udp", "UDP-RECV:8080", "8080:80/udp"],
  ])("a port of %s on which %s listens: %s", async (protocol, place, port) => {
    rig.start(rig.host, ["socat", "-u", place, "-"]);
    rig.run(rig.host, "until ss -Hltun sport = 8080 | grep -q .; do sleep 0.05; done");
    const message = await refusedWhole(publish("8081:80", port));
    expect(message).toContain(`cannot publish ${port}: port 8080/${protocol}`);
    expect(message).toContain("is in use on this host");
    expect(rig.run(rig.host, "ss -Hltn sport = 8081")).toBe("");
  });

  test("a port of an address that the host does not have, or twice", async () => {
    expect(await refusedWhole(publish("192.0.2.9:8080:80"))).toContain(
      "this host does not have the address 192.0.2.9",
    );
    expect(await refusedWhole(publish("8080:80", "127.0.0.1:8080:81"))).toContain(
      "port 8080/tcp of 127.0.0.1 is in use",
    );
  });

  test.each([
    ["nft", "nftables"],
    ["ip", "iproute2"],
    ["flock", "util-linux"],
  ])("a host without %s", async (name, debianPackage) => {
    const hide = `for at in /usr/sbin /usr/bin /sbin /bin; do [ ! -e $at/${name} ] || mount --bind /dev/null $at/${name}; done`;
    const monitor = rig.worker({}, ["unshare", "--mount", "sh", "-c", `${hide}; exec "$@"`, "sh"]);
    const message = await refusedWhole({}, monitor);
    expect(message).toContain(`needs the program ${name}`);
    expect(message).toContain(`install the package ${debianPackage}`);
  });

  test("a process without CAP_NET_ADMIN", async () => {
    const monitor = rig.worker({}, ["setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin"]);
    expect(await refusedWhole({}, monitor)).toMatch(/Operation not permitted.*CAP_NET_ADMIN is needed/);
  });

  test("an ordinary user", async () => {
    const monitor = rig.worker({}, ["setpriv", "--reuid=65534", "--clear-groups"]);
    expect(await refusedWhole({}, monitor)).toMatch(/cannot make .*: permission denied: run it as root/);
  });
});

test("a bridge that somebody else has made stays as it is", async () => {
  rig.ip(rig.host, "link add nk0 type bridge", "address add 192.0.2.1/24 dev nk0");
  const before = rig.run(rig.host, "ip address show nk0");
  expect(await refusal({})).toContain('or remove it with "ip link delete nk0"');
  expect(rig.run(rig.host, "ip address show nk0")).toBe(before);
  expect(rig.traces()).toMatchObject({ rules: "", folder: false, forwarding: ["0", "0"] });
});

test("a bridge on which VMs are has one subnet, which can be full", async () => {
  const monitor = rig.worker();
  const small = { subnet: "10.87.0.0/29", subnet6: undefined };
  for (const id of ["a", "b", "c", "d", "e"]) await monitor.open(id, small);
  const before = rig.traces();
  expect(await refusal(small)).toBe(
    "no address is free in 10.87.0.0/29 of the bridge nk0, where 5 VMs have one: end some, or take a larger subnet",
  );
  expect(await refusal({})).toBe(
    "the bridge nk0 has 10.87.0.0/29 as long as VMs are on it: expected the same, found 10.87.0.0/16: take another bridge for other subnets",
  );
  expect(rig.traces()).toEqual(before);
  await monitor.must({ do: "close", id: "b" });
  expect((await monitor.open("f", small)).addresses).toEqual(["10.87.0.3/29"]);
});

test("a host without IPv6 gives none", async () => {
  rig.run(rig.host, "echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6");
  const monitor = rig.worker();
  expect((await monitor.open("c1", publish("8080:80"))).addresses).toEqual(["10.87.0.2/16"]);
  const { netns, network } = await rig.guest(monitor, "c1");
  expect(network.routes).toHaveLength(1);
  await rig.serve(netns, 80);
  expect(rig.seenBy(rig.host, "TCP:127.0.0.1:8080")).toBe("10.87.0.1");
});

test("a host whose way out is too narrow for IPv6 gives none", async () => {
  rig.ip(rig.host, "link set eth0 mtu 1000");
  const monitor = rig.worker();
  expect((await monitor.open("c1")).addresses).toEqual(["10.87.0.2/16"]);
  const { netns, network } = await rig.guest(monitor, "c1");
  expect(network.links[0]?.mtu).toBe(1000);
  rig.run(netns, `ping -c 1 -W 5 ${FAR.v4}`);
});

test("a host that loses IPv6 while VMs are there takes others by IPv4", async () => {
  const monitor = rig.worker();
  await monitor.open("c1");
  rig.run(rig.host, "echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6");
  await monitor.open("c2");
  const { netns } = await rig.guest(monitor, "c2");
  rig.run(netns, `ping -c 1 -W 5 ${FAR.v4}`);
});
