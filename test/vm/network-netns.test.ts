import { isDeepStrictEqual } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { comparableLinks, comparableRoutes, putIproute } from "../fixtures/network/guest-ip.ts";
import { NetworkLab } from "../fixtures/network/lab.ts";
import { Runtime } from "./runtime.ts";

/** A namespace with all that a manager or a person may have put into it; its other side is the lab's router. */
const PREPARE = (namespace: string, router: string): string => `
ip netns add ${namespace}
ip -n ${namespace} link set lo up
ip -n ${namespace} link add net0 mtu 1400 type veth peer name peer0 mtu 1400 netns ${router}
ip -n ${namespace} link add net1 mtu 9000 type veth peer name peer1 mtu 9000 netns ${router}
ip -n ${router} addr add 10.1.0.1/24 dev peer0
ip -n ${router} addr add fd01::1/64 dev peer0 nodad
ip -n ${router} addr add 10.2.0.1/24 dev peer1
ip -n ${router} link set peer0 up
ip -n ${router} link set peer1 up
ip -n ${namespace} addr add 10.1.0.2/24 brd + dev net0
ip -n ${namespace} addr add 10.1.0.3/24 dev net0
ip -n ${namespace} addr add fd01::2/64 dev net0 nodad
ip -n ${namespace} addr add 10.2.0.2/24 dev net1
ip -n ${namespace} link set net0 up
ip -n ${namespace} link set net1 up
ip -n ${namespace} route add 192.0.2.0/24 via 10.1.0.1 metric 50 mtu 1300
ip -n ${namespace} route add 198.51.100.0/24 via 10.2.0.1 table 100
ip -n ${namespace} rule add from 10.2.0.2 table 100 priority 1000
ip -n ${namespace} neigh add 10.1.0.77 lladdr 02:00:00:00:00:77 dev net0 nud permanent
ip -n ${namespace} -6 route add default via fd01::1
`;

let lab: NetworkLab;
let runtime: Runtime;
let namespace: string;
let box: string;
let bundle: string;

async function lines(script: string): Promise<void> {
  for (const line of script.trim().split("\n")) await lab.run(lab.host, ["sh", "-c", line]);
}

async function inNamespace(...args: string[]): Promise<string> {
  return lab.run(namespace, ["ip", ...args]);
}

const inGuest = (...args: string[]): Promise<string> => runtime.ok(["exec", box, "/usr/sbin/ip", ...args]);

/** Both may still be changing. */
async function same(compare: (json: string) => unknown, args: string[]): Promise<void> {
  let wanted: unknown;
  await expect
    .poll(async () => {
      wanted = compare(await inNamespace(...args));
      return isDeepStrictEqual(compare(await inGuest(...args)), wanted);
    })
    .toBe(true)
    .catch(async () => expect(compare(await inGuest(...args))).toEqual(wanted));
}

const sameLinks = (): Promise<void> => same(comparableLinks, ["-j", "addr"]);

async function sameRoutes(): Promise<void> {
  for (const family of ["-4", "-6"])
    await same(comparableRoutes, [family, "-j", "route", "show", "table", "all"]);
}

beforeAll(async () => {
  lab = await NetworkLab.make();
  namespace = `${lab.host}-ns`;
  await lines(PREPARE(namespace, lab.router));
  runtime = new Runtime();
  runtime.launcher = lab.inside(lab.host);
  runtime.settings = undefined;
  const made = await runtime.bundle({
    args: ["sleep", "1000000"],
    capabilities: ["CAP_NET_RAW", "CAP_NET_ADMIN"],
  });
  await putIproute(made.rootfs);
  await made.edit((config) => {
    const namespaces = ["pid", "ipc", "uts", "mount"].map((type) => ({ type }));
    const network = { type: "network", path: `/run/netns/${namespace}` };
    config["linux"] = { ...(config["linux"] as object), namespaces: [...namespaces, network] };
  });
  box = runtime.id();
  bundle = made.dir;
  await runtime.detached(["run", "-d", "--mode=vm", "--vm-net=auto", "--bundle", bundle, box]);
});

afterAll(async () => {
  const left = await runtime.close();
  await lab.run(lab.host, ["ip", "netns", "del", namespace]).catch(() => {});
  await lab.close();
  expect(left).toEqual([]);
});

describe("a namespace that was prepared by hand", () => {
  it("is the guest's network: links, addresses, routes, rules, neighbours", async () => {
    await sameLinks();
    await sameRoutes();
    expect(await inGuest("rule")).toContain("1000:\tfrom 10.2.0.2 lookup 100");
    expect(await inGuest("neigh")).toContain("10.1.0.77 dev net0 lladdr 02:00:00:00:00:77 PERMANENT");
  });

  it("carries frames of each interface, large ones and those of both versions", async () => {
    for (const [target, size] of [
      ["10.1.0.1", 1372],
      ["10.2.0.1", 8972],
      ["fd01::1", 1352],
    ] as const)
      expect(await runtime.ok(["exec", box, "ping", "-c", "2", "-s", String(size), target])).toContain(
        "2 packets received",
      );
    expect(await lab.run(lab.router, ["ping", "-c", "1", "10.2.0.2"])).toContain("1 received");
  });

  it("sees an interface that comes while it runs, and one that goes", async () => {
    await lines(`
ip -n ${namespace} link add late type veth peer name peer2 netns ${lab.router}
ip -n ${lab.router} addr add 10.3.0.1/24 dev peer2
ip -n ${lab.router} link set peer2 up
ip -n ${namespace} addr add 10.3.0.2/24 dev late
ip -n ${namespace} link set late up
`);
    await sameLinks();
    expect(await runtime.ok(["exec", box, "ping", "-c", "1", "10.3.0.1"])).toContain("1 packets received");
    await inNamespace("link", "del", "net1");
    await sameLinks();
    await sameRoutes();
    expect(await runtime.ok(["exec", box, "ping", "-c", "1", "10.1.0.1"])).toContain("1 packets received");
  });

  it("follows addresses and the default route", async () => {
    await inNamespace("addr", "add", "10.1.0.9/24", "dev", "net0");
    await inNamespace("-6", "route", "del", "default");
    await sameLinks();
    await sameRoutes();
  });

  /** A container that names the namespace. */
  const another = (...args: string[]) =>
    runtime.bundle({
      args,
      linux: {
        namespaces: [
          { type: "network", path: `/run/netns/${namespace}` },
          ...["pid", "mount", "uts"].map((type) => ({ type })),
        ],
      },
    });

  it("is the same for a second container that names it, in the same VM", async () => {
    const { dir, rootfs } = await another("/usr/sbin/ip", "-j", "addr");
    await putIproute(rootfs);
    const said = await runtime.ok(["run", "--mode=vm", "--vm-net=auto", "--bundle", dir, runtime.id()]);
    expect(comparableLinks(said)).toEqual(comparableLinks(await inGuest("-j", "addr")));
  });

  it("is not taken by a second VM, of another --root, and goes on for the first", async () => {
    await using other = new Runtime();
    other.launcher = runtime.launcher;
    const { dir } = await another("true");
    const { code, stderr } = await other.call([
      "run",
      "--mode=vm",
      "--vm-net=auto",
      "--bundle",
      dir,
      "other",
    ]);
    expect(code).not.toBe(0);
    expect(stderr).toContain("which would be cut off");
    expect(await runtime.ok(["exec", box, "ping", "-c", "1", "10.1.0.1"])).toContain("1 packets received");
  });

  it("is as it was before, when the VM is gone", async () => {
    await runtime.ok(["delete", "--force", box]);
    await expect.poll(() => lab.run(namespace, ["tc", "qdisc"])).not.toMatch(/ingress|clsact/);
    expect(await inNamespace("-o", "link")).not.toContain("nktap");
    expect(await inNamespace("-o", "addr")).toContain("10.1.0.2/24");
  });

  it("is taken over by a VM that has waited, too", async () => {
    await runtime.ok(["vm-pool", "start", "--size=1"]);
    try {
      await runtime.detached(["run", "-d", "--mode=vm", "--vm-start=pool", "--bundle", bundle, box]);
    } finally {
      await runtime.ok(["vm-pool", "stop"]);
    }
    await sameLinks();
    await sameRoutes();
    expect(await runtime.ok(["exec", box, "ping", "-c", "1", "10.1.0.1"])).toContain("1 packets received");
    await runtime.ok(["delete", "--force", box]);
    await runtime.ok(["vm-pool", "stop"]);
  });
});
