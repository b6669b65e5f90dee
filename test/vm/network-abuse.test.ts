import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { staticProgram } from "../fixtures/static-program.ts";
import { answer, buildAgent, guestImage, hello, step, until } from "./hostile-guest.ts";
import { NetworkRig } from "./network-rig.ts";
import { findVictim } from "./victims.ts";

/** For what ends by a deadline only. */
const IN_A_HURRY = { NK_TIMEOUT_SCALE: "0.2" };

let rig: NetworkRig;
let before: string;

beforeAll(async () => {
  rig = await NetworkRig.make();
  before = await rig.hostState();
});

afterAll(() => rig[Symbol.asyncDispose]());

/** `linux` of a container whose network namespace is at a path. */
const linuxAt = (path: string): Record<string, unknown> => ({
  namespaces: [{ type: "network", path }, ...["pid", "ipc", "uts", "mount"].map((type) => ({ type }))],
});

it("what is no network namespace is refused at once, also a pipe at which nobody writes", async () => {
  const pipe = `${rig.runtime.root}/.pipe`;
  await rig.onHost(`mkfifo ${pipe}`);
  const { code, stderr } = await rig.runtime.run({ linux: linuxAt(pipe) });
  expect([code, stderr]).toEqual([1, expect.stringContaining(`cannot join the network namespace ${pipe}`)]);
});

it("a container knows itself by the name of its config.json", async () => {
  const box = await rig.background({ hostname: "web.example" });
  expect(await rig.shell(box, "cat /etc/hosts")).toMatch(/^10\.87\.\d+\.\d+\tweb\.example web$/m);
  await rig.runtime.ok(["delete", "--force", box]);
});

it("a VM is shown whose rules somebody has removed", async () => {
  const box = await rig.background();
  await rig.onHost("nft flush ruleset");
  const shown = await rig.runtime.ok(["vm-net", box]);
  expect(shown).toContain("expected the table inet nano-sandbox-nk0, found none");
  expect(shown).toContain("10.87.0.2/16");
  await rig.runtime.ok(["delete", "--force", box]);
});

it("containers of a VM made by hand have its network and its files, and are told of another", async () => {
  const { runtime } = rig;
  const machine = runtime.id();
  await runtime.ok(["vm-create", machine]);
  await runtime.detached(["vm-start", machine]);
  const files = { "etc/hosts": "", "etc/resolv.conf": "" };
  const linux = linuxAt(`/run/netns/${rig.lab.router}`);
  const { dir } = await runtime.bundle({ args: ["sleep", "1000000"], files, linux });
  const box = runtime.id();
  await runtime.detached(["run", "-d", `--vm=${machine}`, "--bundle", dir, box]);
  expect(readFileSync(`${runtime.root}/.stderr`, "utf8")).toContain(
    `the container has the network of the VM ${machine}, and not what is in`,
  );
  expect(await rig.shell(box, "cat /etc/hosts")).toContain(`\t${machine}\n`);
  await runtime.ok(["vm-delete", "--force", machine]);
});

it("a VM whose namespace has lost its name goes on, and is shown", async () => {
  const { lab, runtime } = rig;
  const namespace = `${lab.host}-gone`;
  await rig.onHost(
    `ip netns add ${namespace} && ip -n ${namespace} link add eth0 type veth peer name gone0 netns ${lab.router}`,
  );
  const box = await rig.background({ linux: linuxAt(`/run/netns/${namespace}`) });
  await rig.onHost(`ip netns del ${namespace} && ip netns add ${namespace}`);
  expect(await rig.shell(box, "ip link")).toContain("eth0");
  const shown = await runtime.ok(["vm-net", box]);
  expect(shown).toContain(`nktap0 in /proc/${runtime.record(box).pid}/ns/net`);
  await runtime.ok(["delete", "--force", box]);
  await rig.onHost(`ip netns del ${namespace}`);
});

describe("the agent's connection breaks", () => {
  it("while it is told what has changed: it is told again", async () => {
    const { lab, runtime } = rig;
    const namespace = `${lab.host}-cut`;
    await rig.onHost(`ip netns add ${namespace}`);
    const ip = (words: string): Promise<string> => lab.run(namespace, ["ip", ...words.split(" ")]);
    try {
      await ip(`link add eth0 type veth peer name cut0 netns ${lab.router}`);
      await ip("link set eth0 up");
      const box = await rig.background({ linux: linuxAt(`/run/netns/${namespace}`) });
      const qemu = await findVictim(runtime.root, "QEMU");
      process.kill(qemu, "SIGSTOP");
      await ip("addr add 10.5.0.2/24 dev eth0");
      await promisify(execFile)(staticProgram("cut-socket"), [String(qemu), "agent.sock", "later"]);
      process.kill(qemu, "SIGCONT");
      await expect.poll(() => rig.shell(box, "ip addr show eth0")).toContain("10.5.0.2/24");
      await runtime.ok(["delete", "--force", box]);
    } finally {
      await rig.onHost(`ip netns del ${namespace}`);
    }
  });
});

describe("a hostile guest", () => {
  beforeAll(buildAgent);

  it.each([
    ["answers an error", answer('"status":"error","code":"SYSTEM","error":"no, thanks"}'), "no, thanks"],
    ["answers nothing", step("d"), 'answer to "network" did not come within'],
  ])("that %s has no container, and leaves nothing of its network", async (_name, last, words) => {
    const rootfs = `--vm-rootfs=${guestImage(rig.runtime, [hello, until("network"), last, step("d")])}`;
    const { code, stderr } = await rig.runtime.run({}, [rootfs, "--vm-share=block"], { env: IN_A_HURRY });
    expect([code, stderr]).toEqual([1, expect.stringContaining(words)]);
    expect(await rig.hostState()).toBe(before);
  });
});
