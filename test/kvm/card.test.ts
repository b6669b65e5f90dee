import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { asTap } from "../../src/host/card.ts";
import { AgentConnection } from "../../src/agent/connection.ts";
import { Deadline } from "../../src/base/deadline.ts";
import { resolveGuestImage } from "../../src/image/guest-image.ts";
import { NO_DISKS } from "../../src/image/root-disks.ts";
import { settle } from "../../src/vm/choose-vmm.ts";
import { loadDriver } from "../../src/vm/drivers.ts";
import type { VirtualMachine } from "../../src/vm/virtual-machine.ts";
import { linksIn, moveTap, tapsIn, TestNamespace } from "../fixtures/tap-journey.ts";
import { VMMS, type Vmm } from "./matrix.ts";

process.env["NK_SHADOW"] ??= resolve("build/bin/nk-shadow");

const soon = (): Deadline => Deadline.after(30_000);

/** The network card of a VM, on each VMM: where its tap is, and that it goes with the VM. */
describe.each(VMMS)("%s", (_title, vmm) => {
  let stateDir: string;
  let vm: VirtualMachine;
  let other: TestNamespace;

  beforeEach(async () => {
    stateDir = mkdtempSync(join(tmpdir(), "nk-card-"));
    other = new TestNamespace();
    vm = await create(vmm, stateDir);
  });

  afterEach(async () => {
    await vm.close();
    other[Symbol.dispose]();
    rmSync(stateDir, { recursive: true, force: true });
  });

  it.each<[string, () => Promise<unknown>]>([
    ["stopped", () => vm.stop(Deadline.after(2000))],
    ["killed", () => (process.kill(vm.pid ?? 0, "SIGKILL"), vm.exited)],
  ])("has a tap that is moved while the guest runs, and goes when the VM is %s", async (_, end) => {
    await vm.boot(soon());
    const card = asTap(vm.card);
    expect(tapsIn(card.netns)).toMatchObject([{ ifname: "nktap", type: "tap", persist: false }]);
    moveTap(card, other, "nkt7");
    expect(linksIn(card.netns)).toEqual([]);
    await hello(vm);
    expect(tapsIn(other.path)).toMatchObject([{ ifname: "nkt7", type: "tap" }]);
    await end();
    expect(linksIn(other.path)).toEqual([]);
    await vm.close();
    expect(readdirSync(stateDir).toSorted()).toEqual(["console.log", "share.log", "vmm.log"]);
  });
});

async function create({ vmm, accel, flags }: Vmm, stateDir: string): Promise<VirtualMachine> {
  const { shape, reasons } = await settle({
    vmm,
    accel,
    jailer: flags.includes("--vm-jailer=on") ? "on" : "off",
    confine: "on",
    vcpus: 1,
    memSizeMib: 256,
    root: "disk",
    volumes: "auto",
    needsVolumes: false,
    card: "tap",
    debug: false,
    image: () => resolveGuestImage({ runtime: "crun", imageDirs: [resolve("build/image")] }),
  });
  const driver = await loadDriver(vmm);
  return driver.create({
    id: "card",
    stateDir,
    shape,
    accelReason: reasons.accel,
    extraCmdline: "",
    folder: { shadowPid: 0 },
    disks: NO_DISKS,
  });
}

/** The guest has booted. */
async function hello(vm: VirtualMachine): Promise<void> {
  const deadline = soon();
  const connection = new AgentConnection(await vm.connectAgent(deadline), { frame() {} }, () => {});
  await deadline.race(connection.hello, "the agent's hello");
  connection.close();
}
