import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { GuestNetwork } from "../../src/agent/guest-network.ts";
import { childrenOf } from "../../src/host/process-info.ts";
import { netns } from "../../src/network/netns/kind.ts";
import { warnings } from "../../src/trace/channels.ts";
import { DOCKER_ANSWER, DockerResolver, PRIVATE_PORT } from "../fixtures/network/docker-resolver.ts";
import { ip, run } from "./netns-guest.ts";
import { DROPS, NetnsRig, WORKS } from "./netns-rig.ts";
import { buildNative } from "./shadow-rig.ts";

const ASK = fileURLToPath(new URL("../fixtures/network/ask.mjs", import.meta.url));

let rig: NetnsRig;
let docker: DockerResolver;
let dir: string;
let resolvConf: string;
let warned: unknown[];
const warn = (text: unknown): unknown => warned.push(text);
beforeAll(buildNative);
beforeEach(async () => {
  warned = [];
  warnings.subscribe(warn);
  dir = mkdtempSync(join(tmpdir(), "nk-resolver-"));
  resolvConf = join(dir, "resolv.conf");
  writeFileSync(resolvConf, "nameserver 127.0.0.11\noptions ndots:0\n");
  rig = new NetnsRig();
  docker = await DockerResolver.start(rig.container);
});
afterEach(async () => {
  warnings.unsubscribe(warn);
  await docker.close();
  await rig.close();
  rmSync(dir, { recursive: true });
});

function ask(from: string, ...args: string[]): string {
  return run(from, process.execPath, ASK, ...args).trim();
}

/** The relays that this process has. */
function relays(): number[] {
  return childrenOf(process.pid).filter((pid) =>
    readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("relay-resolver"),
  );
}

test.each([
  ["redirection", WORKS],
  ["a bridge", DROPS],
])(
  "the guest asks the resolver of its namespace, with %s, and reaches nothing else there",
  async (_, verdict) => {
    rig.interfaces({ eth0: 5 });
    const before = rig.traces();
    await rig.bootVm();
    const network = await rig.open(verdict, resolvConf);
    const told = await rig.plug(network);
    expect(told.links.map(({ name, isCard, routeLocalnet }) => [name, isCard, routeLocalnet])).toEqual([
      ["eth0", true, undefined],
      ["nkdns0", false, true],
    ]);
    rig.configure(told);
    expect(ask(rig.guest, "udp", "127.0.0.11")).toBe(DOCKER_ANSWER);
    expect(ask(rig.guest, "tcp", "127.0.0.11")).toBe(DOCKER_ANSWER);
    rig.ping(rig.guest, "10.5.0.1");
    for (const port of [docker.ports.tcp, String(PRIVATE_PORT)])
      expect(ask(rig.guest, "tcp", "127.0.0.11", port)).toBe("ECONNREFUSED");
    expect(ask(rig.guest, "tcp", "127.0.0.1", String(PRIVATE_PORT))).toBe("ECONNREFUSED");
    expect(ask(rig.guest, "udp", "127.0.0.11", docker.ports.udp)).toBe("ECONNREFUSED");
    // As they were for the namespace itself.
    expect(ask(rig.container, "udp", "127.0.0.11")).toBe(DOCKER_ANSWER);
    expect(await network.refresh()).toBeUndefined();
    await network.close();
    await rig.endVm();
    expect(rig.traces()).toBe(before);
    expect(warned).toEqual([]);
  },
);

test("a resolver that the container gets later, with another network, is relayed, too", async () => {
  writeFileSync(resolvConf, "nameserver 10.5.0.1\n");
  rig.interfaces({ eth0: 5 });
  await rig.bootVm();
  const network = await rig.open(WORKS, resolvConf);
  rig.configure(await rig.plug(network));
  expect(relays()).toEqual([]);
  const told: GuestNetwork[] = [];
  network.watch((change) => told.push(change));
  writeFileSync(resolvConf, "nameserver 127.0.0.11\n");
  rig.interfaces({ eth1: 6 });
  const names = (): string[] | undefined => told.at(-1)?.links.map(({ name }) => name);
  await expect.poll(names).toEqual(["eth0", "eth1", "nkdns0"]);
  await expect.poll(() => told.at(-1)?.links[1]?.addresses.length).toBe(2);
  const last = told.at(-1);
  if (last !== undefined) rig.configure(last);
  expect(ask(rig.guest, "udp", "127.0.0.11")).toBe(DOCKER_ANSWER);
  // Who rewrites the file may be about to name it again.
  writeFileSync(resolvConf, "");
  expect(await network.refresh()).toBeUndefined();
  expect(relays()).toHaveLength(1);
  await network.close();
  expect(relays()).toEqual([]);
  expect(warned).toEqual([]);
});

test("a relay that ends is said, and the rest of the network goes on", async () => {
  rig.interfaces({ eth0: 5 });
  await rig.bootVm();
  const network = await rig.open(WORKS, resolvConf);
  rig.configure(await rig.plug(network));
  const told: GuestNetwork[] = [];
  network.watch((change) => told.push(change));
  for (const pid of relays()) process.kill(pid, "SIGKILL");
  await expect.poll(() => told.at(-1)?.links.map(({ name }) => name)).toEqual(["eth0"]);
  expect(warned.map(String)).toEqual([
    "the container finds no names: the name server of its network namespace is not reached: nk-shadow relay-resolver was killed by SIGKILL",
  ]);
  rig.ping(rig.guest, "10.5.0.1");
});

test("what a killed monitor has left of it is released by its record", async () => {
  rig.interfaces({ eth0: 5 });
  const before = rig.traces();
  await rig.bootVm();
  await rig.plug(await rig.open(WORKS, resolvConf));
  await rig.endVm();
  expect(rig.traces()).not.toBe(before);
  await netns.release(rig.records[0] ?? { kind: "none" });
  expect(rig.traces()).toBe(before);
});

/** What arrives at a port of the guest's 127.0.0.1 of what its peer, who has that address elsewhere, sends there. */
function forged(mac: string): string {
  ip(rig.peer, `neigh replace 127.0.0.1 lladdr ${mac} dev eth0 nud permanent`);
  const script =
    `ip netns exec ${rig.guest} timeout 1 socat -u UDP-RECV:9000,bind=127.0.0.1 - & ` +
    `until ip netns exec ${rig.guest} ss -lun | grep -q :9000; do :; done; ` +
    "echo forged | socat -u - UDP-SENDTO:127.0.0.1:9000; wait";
  return run(rig.peer, "sh", "-c", script);
}

test("a neighbour does not reach what listens on the guest's loopback", async () => {
  rig.interfaces({ eth0: 5 });
  await rig.bootVm();
  const { links, ...rest } = await rig.plug(await rig.open(WORKS, resolvConf));
  rig.configure({ links, ...rest });
  ip(rig.peer, "addr flush dev lo");
  ip(rig.peer, "route add 127.0.0.1/32 dev eth0 src 10.5.0.1");
  for (const mac of [...links.map((link) => link.mac), "ff:ff:ff:ff:ff:ff"]) expect(forged(mac)).toBe("");
  // That it could be seen.
  for (const name of ["all", "nkdns0"]) run(rig.guest, "sysctl", "-qw", `net.ipv4.conf.${name}.rp_filter=0`);
  expect(forged(links[1]?.mac ?? "")).toBe("forged\n");
});
