import { copyFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { staticProgram } from "../fixtures/static-program.ts";
import type { TapRecord } from "../../src/state/network-record.ts";
import { NetworkRig } from "../vm/network-rig.ts";

const GATEWAY = "10.87.0.1";
const SMALL = "--vm-memory=128";
const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

it("30 VMs that start at once each reach the gateway, with an address of their own", async () => {
  await using rig = await NetworkRig.make(SMALL);
  const before = await rig.hostState();
  const ids = await Promise.all(range(30).map(() => rig.background()));
  expect(new Set(ids.map((id) => tapOf(rig, id)?.addresses[0])).size).toBe(30);
  const said = await Promise.all(ids.map((id) => rig.shell(id, `ping -c 1 ${GATEWAY}`)));
  for (const text of said) expect(text).toContain("1 packets received");
  await Promise.all(ids.map((id) => rig.runtime.ok(["delete", "--force", id])));
  await expect.poll(() => rig.hostState()).toBe(before);
});

function tapOf(rig: NetworkRig, id: string): TapRecord | undefined {
  const { network } = rig.runtime.record(id).vm ?? {};
  return network?.kind === "tap" ? network : undefined;
}

it("20 VMs of a pool have each their own address, and see no packet of another", async () => {
  await using rig = await NetworkRig.make(SMALL);
  const { runtime } = rig;
  const ids: string[] = [];
  try {
    for (const _ of range(5)) {
      // Waits until those that were taken are replaced.
      await runtime.ok(["vm-pool", "start", "--size=4", SMALL]);
      const taken = await Promise.all(range(4).map(() => rig.background({}, ["--vm-start=pool"])));
      ids.push(...taken);
    }
  } finally {
    await runtime.ok(["vm-pool", "stop"]);
  }
  const taps = ids.map((id) => tapOf(rig, id));
  for (const member of ["tap", "mac"] as const)
    expect(new Set(taps.map((tap) => tap?.[member])).size).toBe(20);
  expect(new Set(taps.map((tap) => tap?.addresses[0])).size).toBe(20);
  const captures = taps.map((tap) =>
    rig.onHost(
      `timeout 60 tcpdump -i ${tap?.tap ?? "none"} -n -l --immediate-mode -c 6 icmp and host ${GATEWAY} 2>/dev/null; true`,
    ),
  );
  await Promise.all(ids.map((id) => rig.shell(id, `ping -c 10 ${GATEWAY}`)));
  for (const [index, text] of (await Promise.all(captures)).entries()) {
    const own = taps[index]?.addresses[0]?.split("/")[0] ?? "";
    const lines = text.trim().split("\n");
    expect(lines).toHaveLength(6);
    for (const packet of lines) expect(packet.split(/[ :,]/)).toContain(own);
  }
  await Promise.all(ids.map((id) => runtime.ok(["delete", "--force", id])));
  // With the last of its VMs the pool's folder goes.
  await runtime.ok(["vm-pool", "stop"]);
});

/** A server in a container, by a published port. */
async function served(rig: NetworkRig, bytes: number): Promise<string> {
  const bundle = await rig.runtime.bundle({ args: ["/bin/port-server", String(bytes)] });
  copyFileSync(staticProgram("network/port-server"), join(bundle.rootfs, "bin/port-server"));
  const id = rig.runtime.id();
  const ports = range(4).map((index) => `--vm-publish=${9000 + index}:${9000 + index}`);
  await rig.runtime.detached(["run", "-d", "--mode=vm", ...ports, "--bundle", bundle.dir, id]);
  return id;
}

/** A program in the host's namespace that reports one line of JSON; the test itself is in another namespace. */
async function onHost(rig: NetworkRig, script: string): Promise<unknown> {
  const argv = [process.execPath, "--input-type=module", "-e", script];
  return JSON.parse(await rig.lab.run(rig.lab.host, argv)) as unknown;
}

const CLIENT = `
import { connect } from "node:net";
const target = (port, host) => ({ port, host });
const ended = (socket) => new Promise((resolve) => socket.on("error", () => {}).on("close", resolve));
`;

it.each(["127.0.0.1", "::1"])(
  "1 GiB comes whole by %s, though its reader stands still in between",
  async (host) => {
    const GIB = 1024 ** 3;
    await using rig = await NetworkRig.make();
    await served(rig, GIB);
    const found = await onHost(
      rig,
      `${CLIENT}
let bytes = 0, stalled = false;
const socket = connect(target(9000, ${JSON.stringify(host)}));
socket.on("data", (data) => {
  bytes += data.length;
  if (stalled || bytes < ${GIB / 4}) return;
  stalled = true;
  socket.pause();
  setTimeout(() => socket.resume(), 10_000);
});
await ended(socket);
console.log(JSON.stringify({ bytes, stalled }));`,
    );
    expect(found).toEqual({ bytes: GIB, stalled: true });
  },
);

it("5,000 connections that either side drops leave nothing behind", async () => {
  await using rig = await NetworkRig.make();
  const id = await served(rig, 1);
  const { vm } = rig.runtime.record(id);
  const descriptors = (): number => readdirSync(`/proc/${vm?.monitorPid ?? 0}/fd`).length;
  const storm = (count: number, host: string): Promise<unknown> =>
    onHost(
      rig,
      `${CLIENT}
let greeted = 0;
async function one(n) {
  const port = 9001 + (n % 3);
  const socket = connect(target(port, ${JSON.stringify(host)}));
  socket.once("data", () => {
    greeted += 1;
    // The third waits for us to go: by a reset or in order.
    if (port === 9003) n % 2 ? socket.resetAndDestroy() : socket.end();
  });
  await ended(socket);
}
for (let n = 0; n < ${count}; n += 50) await Promise.all(Array.from({ length: 50 }, (_, k) => one(n + k)));
console.log(JSON.stringify({ greeted }));`,
    );
  await storm(100, "::1");
  const before = descriptors();
  // A reset may overtake the greeting.
  for (const host of ["127.0.0.1", "::1"]) {
    const { greeted } = (await storm(2500, host)) as { greeted: number };
    expect(greeted).toBeGreaterThan(2500 * 0.6);
  }
  await expect.poll(descriptors).toBeLessThanOrEqual(before);
  // What the host has tracked of them ends by itself.
  const tracked = "grep -c 'ESTABLISHED.* dport=900' /proc/net/nf_conntrack || true";
  await expect.poll(() => rig.onHost(tracked)).toBe("0\n");
  // Those that the server has closed wait for two minutes (TIME_WAIT, 06).
  const others = "awk '$4 != \"06\"' /proc/net/tcp6 | wc -l";
  await expect.poll(() => rig.shell(id, others)).toBe("5\n");
});

it.each(["127.0.0.1", "::1"])("512 connections at once are all answered by %s", async (host) => {
  await using rig = await NetworkRig.make();
  await served(rig, 1);
  const found = await onHost(
    rig,
    `${CLIENT}
let greeted = 0;
const all = Array.from({ length: 512 }, () => {
  const socket = connect(target(9001, ${JSON.stringify(host)}));
  socket.once("data", () => { greeted += 1; });
  return ended(socket);
});
await Promise.all(all);
console.log(JSON.stringify({ greeted }));`,
  );
  expect(found).toEqual({ greeted: 512 });
});
