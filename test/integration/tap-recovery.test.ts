import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parsePublication } from "../../src/network/publication.ts";
import { scaled } from "../fixtures/scaled.ts";
import { SPEC, type Worker } from "./tap-monitor.ts";
import { FAR, NOTHING, TapRig } from "./tap-rig.ts";

/** What is left on a host by who was killed, and by who was not. */
let rig: TapRig;
let other: Worker;
beforeEach(() => {
  rig = new TapRig();
  other = rig.worker();
});
afterEach(() => rig.close());

describe("a monitor that is killed", () => {
  const steps = [
    "look at the host's network",
    "set the rules of the bridge",
    "make the bridge",
    "let the host forward",
    "remove the rules of the bridge",
    "remove the bridge",
  ];

  test.each(steps)("before the step: %s", async (step) => {
    const victim = rig.worker({ NK_HALT_AT: step });
    if (step.startsWith("remove")) await victim.open("c1");
    victim.tell(step.startsWith("remove") ? { do: "close", id: "c1" } : { do: "open", id: "c1", spec: SPEC });
    await victim.halted();
    await victim.kill();
    await other.must({ do: "releaseDead" });
    expect(rig.traces()).toEqual(NOTHING);
  });

  test.each(["move the tap to the host", "plug the tap into the bridge"])(
    "before the step: %s",
    async (step) => {
      const victim = rig.worker({ NK_HALT_AT: step });
      const record = await victim.open("c1");
      const card = rig.card("c1");
      victim.tell({ do: "plug", id: "c1", card });
      await victim.halted();
      await victim.kill();
      await other.must({ do: "release", record });
      await other.must({ do: "release", record });
      expect(rig.traces()).toEqual(NOTHING);
    },
  );

  test("leaves nothing to who comes next, and takes nothing from others", async () => {
    const victim = rig.worker();
    const record = await victim.open("c1", { publish: [parsePublication("8080:80")] });
    await rig.guest(victim, "c1");
    await other.open("c2");
    const { netns } = await rig.guest(other, "c2");
    await victim.kill();
    expect(await other.must({ do: "list" })).toMatchObject([
      { bridge: "nk0", id: "c1", isAlive: false },
      { bridge: "nk0", id: "c2", isAlive: true },
    ]);
    const next = await other.open("c3", { publish: [parsePublication("8080:80")] });
    expect(next).toMatchObject({ tap: record.tap, mac: record.mac, addresses: record.addresses });
    expect(rig.run(rig.host, "nft list ruleset")).not.toContain('comment "c1"');
    rig.run(netns, `ping -c 1 -W 5 ${FAR.v4}`);
    await other.must({ do: "release", record });
    expect(await other.must({ do: "list" })).toMatchObject([{ id: "c3" }, { id: "c2" }]);
  });
});

test("what somebody has taken away is there again with the next VM, for those that are there too", async () => {
  await other.open("c1");
  const c1 = await rig.guest(other, "c1");
  const before = rig.run(rig.host, "nft list ruleset");
  rig.ip(rig.host, "link delete nk0");
  rig.nft(rig.host, "flush ruleset\n");
  rig.run(rig.host, "echo 0 >/proc/sys/net/ipv4/ip_forward");
  await other.open("c2");
  const c2 = await rig.guest(other, "c2");
  for (const { netns } of [c1, c2]) rig.run(netns, `ping -c 1 -W 5 ${FAR.v4}`);
  await other.must({ do: "close", id: "c2" });
  expect(rig.run(rig.host, "nft list ruleset")).toBe(before);
  await other.must({ do: "closeAll" });
  rig.ip(rig.host, "link delete nk0-2", "link delete nk0-3");
  expect(rig.traces()).toEqual(NOTHING);
});

test("what another namespace of the same inode has left is not this one's", async () => {
  const bridge = join(rig.folder(), "nk0");
  mkdirSync(bridge, { recursive: true });
  rig.run(rig.host, "echo 1 >/proc/sys/net/ipv4/ip_forward");
  const sysctls = [{ path: "ipv4/ip_forward", value: "0" }];
  writeFileSync(join(rig.folder(), ".host.json"), JSON.stringify({ sysctls }));
  writeFileSync(
    join(bridge, "bridge.json"),
    JSON.stringify({ subnet: "10.0.0.0/24", mac: "02:6e:6c:00:00:01" }),
  );
  const lease = {
    id: "old",
    owner: { pid: 1, startTime: 1 },
    number: 2,
    tap: "nk0-2",
    addresses: [],
    publish: [],
  };
  writeFileSync(join(bridge, "lease-2.json"), JSON.stringify(lease));
  expect(await other.must({ do: "releaseDead" })).toMatchObject([{ id: "old", bridge: "nk0" }]);
  expect(rig.traces()).toEqual({ ...NOTHING, forwarding: ["1", "0"] });
});

describe("forwarding", () => {
  test("is put back with the last bridge, also that of single links", async () => {
    rig.run(rig.host, "echo 1 >/proc/sys/net/ipv4/conf/eth0/forwarding");
    await other.open("c1");
    await other.open("c2", { bridge: "nk1", subnet: "10.88.0.0/16", subnet6: undefined });
    await other.must({ do: "close", id: "c1" });
    expect(rig.sysctl("ipv4/ip_forward")).toBe("1");
    await other.must({ do: "close", id: "c2" });
    expect(rig.traces()).toEqual(NOTHING);
    expect(rig.sysctl("ipv4/conf/eth0/forwarding")).toBe("1");
    expect(rig.sysctl("ipv4/conf/lo/forwarding")).toBe("0");
  });

  test("does not have the host take redirects afterwards that it refused before", async () => {
    rig.run(rig.host, "echo 0 >/proc/sys/net/ipv4/conf/all/accept_redirects");
    await other.open("c1");
    await other.must({ do: "close", id: "c1" });
    expect(rig.sysctl("ipv4/conf/all/accept_redirects")).toBe("0");
    expect(rig.traces()).toEqual(NOTHING);
  });

  test("of IPv6 is left alone for a bridge without, to which no guest is a router", async () => {
    await other.open("c1", { subnet6: undefined });
    expect(rig.traces().forwarding).toEqual(["1", "0"]);
    expect(rig.sysctl("ipv6/conf/nk0/accept_ra")).toBe("0");
    await other.must({ do: "close", id: "c1" });
    expect(rig.traces()).toEqual(NOTHING);
  });

  test("is left alone where the host forwards anyway", async () => {
    rig.run(
      rig.host,
      "echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding",
    );
    await other.open("c1");
    await other.must({ do: "close", id: "c1" });
    expect(rig.traces()).toEqual({ ...NOTHING, forwarding: ["1", "1"] });
  });

  test("does not cost a host its routes from advertisements", async () => {
    rig.ip(rig.host, `route delete default via ${FAR.v6}`);
    const route = "ip -6 route show default proto ra";
    rig.advertise();
    await expect.poll(() => rig.run(rig.host, route)).toContain("eth0");
    await other.open("c1");
    expect(rig.sysctl("ipv6/conf/eth0/accept_ra")).toBe("2");
    expect(rig.run(rig.host, route)).toContain("eth0");
    rig.ip(rig.host, "route flush proto ra");
    rig.advertise();
    await expect.poll(() => rig.run(rig.host, route)).toContain("eth0");
    await other.must({ do: "close", id: "c1" });
    expect(rig.sysctl("ipv6/conf/eth0/accept_ra")).toBe("1");
    expect(rig.traces()).toEqual(NOTHING);
  });
});

test(
  "200 networks that are opened at once by eight monitors have addresses of their own",
  async () => {
    const monitors = Array.from({ length: 8 }, () => rig.worker());
    const records = (
      await Promise.all(
        monitors.map(async (monitor, index) => {
          const ids = Array.from({ length: 25 }, (_, number) => `c${index}-${number}`);
          return (await monitor.must({ do: "openAll", ids, spec: SPEC })) as {
            mac: string;
            tap: string;
            addresses: string[];
          }[];
        }),
      )
    ).flat();
    for (const parts of [
      records.map(({ mac }) => mac),
      records.map(({ tap }) => tap),
      records.flatMap(({ addresses }) => addresses),
    ])
      expect(new Set(parts).size).toBe(parts.length);
    expect(records.map(({ addresses }) => addresses[0])).toContain("10.87.0.201/16");
    await Promise.all(monitors.map((monitor) => monitor.must({ do: "closeAll" })));
    expect(rig.traces()).toEqual(NOTHING);
  },
  scaled(240_000),
);
