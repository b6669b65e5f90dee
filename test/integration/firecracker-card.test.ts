// The network card of a VM under Firecracker's stand-in: where its tap is, and that it goes with the VM.
import { readlinkSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { asTap } from "../../src/host/card.ts";
import { Deadline } from "../../src/base/deadline.ts";
import { FIRST_MAC } from "../../src/vm/card.ts";
import { CARD } from "../../src/vm/firecracker/card.ts";
import type { VirtualMachine } from "../../src/vm/virtual-machine.ts";
import { HAS_KVM } from "../fixtures/fake-firecracker.ts";
import { linksIn, moveTap, tapsIn, TestNamespace } from "../fixtures/tap-journey.ts";
import { Machines } from "./firecracker-driver-rig.ts";

let machines: Machines;

beforeEach(() => {
  machines = new Machines();
});

afterEach(() => machines.close());

const ENDS: [how: string, (vm: VirtualMachine) => Promise<unknown>][] = [
  ["stopped", (vm) => vm.stop(Deadline.after(1000))],
  ["closed", (vm) => vm.close()],
  ["killed", (vm) => (process.kill(vm.pid ?? 0, "SIGKILL"), vm.exited)],
];

describe.runIf(HAS_KVM).each(["off", "on"] as const)("with --vm-jailer=%s", (jailer) => {
  const boot = (): Promise<VirtualMachine> => machines.boot({}, {}, { jailer, card: CARD });

  test("the tap is in a network namespace of the VMM's own, and nothing else is", async () => {
    using holder = new TestNamespace();
    const vm = await machines.boot({}, { netns: holder.path }, { jailer, card: CARD });
    expect(vm.card).toEqual({ netns: `/proc/${vm.pid}/ns/net`, name: "nktap" });
    const { netns } = asTap(vm.card);
    expect(readlinkSync(netns)).not.toBe(readlinkSync("/proc/self/ns/net"));
    expect(tapsIn(netns)).toEqual([
      expect.objectContaining({ ifname: "nktap", type: "tap", multi_queue: false, persist: false }),
    ]);
    expect(linksIn(holder.path)).toEqual([]);
  });

  test("the guest has a card with the first MAC", async () => {
    const vm = await boot();
    expect(vm.logTail()).toContain(FIRST_MAC);
  });

  test.each(ENDS)("a tap that was moved stays while the VM runs, and goes when it is %s", async (_, end) => {
    using other = new TestNamespace();
    const vm = await boot();
    const card = asTap(vm.card);
    moveTap(card, other, "nkt7");
    expect(linksIn(card.netns)).toEqual([]);
    expect(tapsIn(other.path)).toMatchObject([{ ifname: "nkt7", type: "tap" }]);
    expect(await vm.metrics()).toMatchObject({ refusedRequests: 0 });
    await end(vm);
    expect(linksIn(other.path)).toEqual([]);
  });

  test("a VM without a card has none, and the network that it had", async () => {
    const vm = await machines.boot({}, {}, { jailer });
    expect(vm.card).toBeUndefined();
    expect(readlinkSync(`/proc/${vm.pid}/ns/net`)).toBe(readlinkSync("/proc/self/ns/net"));
  });

  test("there is no card before the boot", async () => {
    expect((await machines.create({}, {}, { jailer, card: CARD })).card).toBeUndefined();
  });
});
