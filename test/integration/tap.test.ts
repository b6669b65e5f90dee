import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { SPEC, type Worker } from "./tap-monitor.ts";
import { FAR, HOST, NOTHING, TapRig } from "./tap-rig.ts";

let rig: TapRig;
let monitor: Worker;
beforeEach(() => {
  rig = new TapRig();
  monitor = rig.worker();
});
afterEach(() => rig.close());

test("a guest is told its addresses, its gateway and the host's names", async () => {
  rig.ip(rig.host, "link set eth0 mtu 1400");
  const record = await monitor.open("c1");
  expect(record).toMatchObject({
    kind: "tap",
    bridge: "nk0",
    tap: "nk0-2",
    addresses: ["10.87.0.2/16", "fd6e:6b00:0:1::2/64"],
    publish: [],
  });
  const { network } = await rig.guest(monitor, "c1");
  expect(network).toMatchObject({
    links: [
      {
        name: "eth0",
        mac: record.mac,
        mtu: 1400,
        isUp: true,
        isCard: true,
        acceptRa: false,
        addresses: [
          { address: "10.87.0.2", prefix: 16, broadcast: "10.87.255.255", scope: 0 },
          { address: "fd6e:6b00:0:1::2", prefix: 64, scope: 0 },
        ],
      },
    ],
    neighbours: [{ address: "10.87.0.1" }, { address: "fd6e:6b00:0:1::1" }],
    files: { hosts: expect.stringContaining("10.87.0.2\tc1\nfd6e:6b00:0:1::2\tc1\n") as string },
  });
  expect(rig.run(rig.host, "ip -brief link show master nk0")).toMatch(/^nk0-2@/);
  expect(rig.run(rig.host, "cat /sys/class/net/nk0/address")).toBe(network.neighbours[0]?.mac);
});

describe("from a guest", () => {
  test("everything is reached with the host's address, and the host itself", async () => {
    await monitor.open("c1");
    const { netns } = await rig.guest(monitor, "c1");
    await rig.serve(rig.far, 7);
    for (const address of [FAR.v4, FAR.v6, "10.87.0.1", "fd6e:6b00:0:1::1"])
      rig.run(netns, `ping -c 1 -W 5 ${address}`);
    expect(rig.seenBy(netns, `TCP:${FAR.v4}:7`)).toBe(HOST.v4);
    expect(rig.seenBy(netns, `UDP:${FAR.v4}:7`)).toBe(HOST.v4);
    expect(rig.seenBy(netns, `TCP:[${FAR.v6}]:7`)).toBe(HOST.v6);
    expect(rig.seenBy(netns, `UDP:[${FAR.v6}]:7`)).toBe(HOST.v6);
  });

  test("another is reached, with its own address", async () => {
    await monitor.open("c1");
    await monitor.open("c2");
    const { netns } = await rig.guest(monitor, "c1");
    await rig.serve((await rig.guest(monitor, "c2")).netns, 7);
    expect(rig.seenBy(netns, "TCP:10.87.0.3:7")).toBe("10.87.0.2");
    expect(rig.seenBy(netns, "TCP:[fd6e:6b00:0:1::3]:7")).toBe("fd6e:6b00:0:1::2");
  });

  test("nothing comes to the host's loopback addresses, or with an address of others", async () => {
    await monitor.open("c1");
    const { netns } = await rig.guest(monitor, "c1");
    const count = (hook: string, name: string, match: string): string =>
      `add chain inet probe ${name} { type filter hook ${hook} priority 0; }\nadd rule inet probe ${name} ${match} counter\n`;
    rig.nft(rig.host, `add table inet probe\n${count("input", "loopback", "ip daddr 127.0.0.1")}`);
    const others =
      count("input", "v4", "ip saddr 192.0.2.77") + count("input", "v6", "ip6 saddr 2001:db8::77");
    const own =
      count("input", "own4", `ip saddr ${HOST.v4}`) +
      count("input", "own6", `ip6 saddr ${HOST.v6} udp dport 4`);
    rig.nft(rig.far, `add table inet probe\n${others}${own}`);
    // Behind the guest's own routing, which sends none such.
    rig.nft(
      netns,
      `add table inet lie
       add chain inet lie out { type filter hook postrouting priority 300; }
       add rule inet lie out udp dport 1 ip daddr set 127.0.0.1
       add rule inet lie out udp dport 2 ip saddr set 192.0.2.77
       add rule inet lie out udp dport 3 ip6 saddr set 2001:db8::77\n`,
    );
    for (const [address, port] of [
      [FAR.v4, 1],
      [FAR.v4, 2],
      [FAR.v6, 3],
      [FAR.v4, 4],
      [FAR.v6, 4],
    ])
      rig.run(netns, `bash -c 'echo hello >/dev/udp/${address}/${port}'`);
    for (const chain of ["own4", "own6"])
      await expect.poll(() => rig.run(rig.far, `nft list chain inet probe ${chain}`)).toMatch(/packets 1/);
    expect(rig.run(rig.far, "nft list chain inet probe v4")).toMatch(/packets 0/);
    expect(rig.run(rig.far, "nft list chain inet probe v6")).toMatch(/packets 0/);
    expect(rig.run(rig.host, "nft list chain inet probe loopback")).toMatch(/packets 0/);
  });

  test("nothing comes from a tap whose bridge somebody has removed", async () => {
    await monitor.open("c1");
    const { netns } = await rig.guest(monitor, "c1");
    rig.ip(rig.host, "link delete nk0");
    const [, mac] = /link\/ether (\S+)/.exec(rig.run(rig.host, "ip link show nk0-2")) ?? [];
    rig.ip(netns, `neighbour replace 10.87.0.1 lladdr ${mac} dev eth0 nud permanent`);
    const counted = (hook: string, priority: number): string =>
      `add chain inet probe ${hook} { type filter hook ${hook} priority ${priority}; }\nadd rule inet probe ${hook} icmp type echo-request counter\n`;
    rig.nft(rig.host, `add table inet probe\n${counted("prerouting", -400)}${counted("input", 0)}`);
    expect(() => rig.run(netns, `ping -c 1 -W 1 ${HOST.v4}`)).toThrow("Command failed");
    expect(rig.run(rig.host, "nft list chain inet probe prerouting")).toMatch(/packets 1/);
    expect(rig.run(rig.host, "nft list chain inet probe input")).toMatch(/packets 0/);
  });
});

test("a guest is not reached from beyond the host, but by what is published", async () => {
  await monitor.open("c1");
  const { netns } = await rig.guest(monitor, "c1");
  await rig.serve(netns, 7);
  rig.ip(rig.far, `route add 10.87.0.0/16 via ${HOST.v4}`, `route add ${SPEC.subnet6} via ${HOST.v6}`);
  expect(() => rig.seenBy(rig.far, "TCP:10.87.0.2:7,connect-timeout=1")).toThrow();
  expect(() => rig.seenBy(rig.far, "TCP:[fd6e:6b00:0:1::2]:7,connect-timeout=1")).toThrow();
  expect(rig.seenBy(rig.host, "TCP:10.87.0.2:7")).toBe("10.87.0.1");
});

test("a firewall that drops what is forwarded is told, with what opens it", async () => {
  rig.nft(
    rig.host,
    `add table ip filter
     add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }
     add table inet other
     add chain inet other input { type filter hook input priority 0; policy drop; }\n`.replace(/^ +/gm, ""),
  );
  rig.nft(rig.host, "add rule inet other input accept\n");
  const first = await monitor.ask({ do: "open", id: "c1", spec: SPEC });
  const { netns } = await rig.guest(monitor, "c1");
  const [, table, remedy = ""] =
    /drops what nk0 sends and gets \(table (.*?), chain FORWARD\): let it through: "(.*)"$/.exec(
      first.said[0] ?? "",
    ) ?? [];
  expect(table).toBe("ip filter");
  const ping = `ping -c 1 -W 1 ${FAR.v4}`;
  expect(() => rig.run(netns, ping)).toThrow();
  rig.run(rig.host, remedy);
  rig.run(netns, ping);
  await monitor.must({ do: "close", id: "c1" });
  expect((await monitor.ask({ do: "open", id: "c2", spec: SPEC })).said).toEqual([]);
});

test("a tap that a VMM has open moves while it has, and goes with it", async () => {
  await monitor.open("c1");
  const vmm = rig.namespace("v");
  const child = rig.start(vmm, ["socat", "TUN,tun-type=tap,tun-name=tap0,iff-up", "PIPE"]);
  rig.run(vmm, "until ip link show tap0; do sleep 0.05; done 2>&1");
  await monitor.must({ do: "plug", id: "c1", card: { netns: `/run/netns/${vmm}`, name: "tap0" } });
  const found = "ip -details link show master nk0";
  expect(rig.run(rig.host, found)).toMatch(/nk0-2: .*LOWER_UP[^]*tun type tap/);
  child.kill("SIGKILL");
  await expect.poll(() => rig.run(rig.host, found)).toBe("");
});

test("when the last one goes, the host is as before", async () => {
  expect(rig.traces()).toEqual(NOTHING);
  await monitor.open("c1");
  await monitor.open("c2");
  await rig.guest(monitor, "c1");
  expect(rig.traces()).toMatchObject({ folder: true, forwarding: ["1", "1"] });
  await monitor.must({ do: "close", id: "c1" });
  expect(rig.traces()).toMatchObject({ folder: true, forwarding: ["1", "1"] });
  await monitor.must({ do: "close", id: "c1" });
  await monitor.must({ do: "close", id: "c2" });
  // The tap goes with its VMM.
  rig.ip(rig.host, "link delete nk0-2");
  expect(rig.traces()).toEqual(NOTHING);
});
