// The Firecracker driver with disks that are not there yet when the VM boots, run by the stand-in.
import { readdirSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { NkError } from "../../src/base/errors.ts";
import type { Disk } from "../../src/image/root-disks.ts";
import { HAS_KVM } from "../fixtures/fake-firecracker.ts";
import { Machines } from "./firecracker-driver-rig.ts";

let machines: Machines;

beforeEach(() => {
  machines = new Machines();
});

afterEach(() => machines.close());

/** Disks, one to read and one to write, that come when the test says so. */
class LateDisks {
  readonly slots = Promise.resolve([{ readOnly: true }, { readOnly: false }]);
  readonly ready: Promise<readonly Disk[]>;
  fail: (reason: NkError) => void = () => {};
  private resolve: (disks: readonly Disk[]) => void = () => {};

  constructor() {
    this.ready = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.fail = reject;
    });
    this.ready.catch(() => {});
  }

  /** Both are this file. */
  come(path: string): void {
    this.resolve([true, false].map((readOnly) => ({ path, file: path, readOnly })));
  }
}

describe.runIf(HAS_KVM)("disks that come later", () => {
  test("are put in the place of empty ones", async () => {
    const disks = new LateDisks();
    const stateDir = machines.stateDir();
    const vm = await machines.boot({}, { disks, stateDir });
    disks.come(machines.initrd);
    await vm.disksReady;
    expect(readdirSync(stateDir)).not.toContain("disk.empty");
    expect(await vm.metrics()).toMatchObject({
      disks: [{ name: "vda" }, { name: "vdb" }],
      refusedRequests: 0,
    });
  });

  test("and cannot be made, fail disksReady with the reason", async () => {
    const disks = new LateDisks();
    const vm = await machines.boot({}, { disks });
    disks.fail(new NkError("HOST", "no room for the disk"));
    await expect(vm.disksReady).rejects.toMatchObject({ message: "no room for the disk" });
  });

  test("and cannot be opened, fail disksReady", async () => {
    const disks = new LateDisks();
    const vm = await machines.boot({}, { disks });
    disks.come("/nowhere");
    await expect(vm.disksReady).rejects.toMatchObject({
      code: "HOST",
      message: expect.stringMatching(/cannot open the disk \/nowhere: no such file or directory: see/),
    });
  });

  test("after the VM has died fail disksReady", async () => {
    const disks = new LateDisks();
    const vm = await machines.boot({}, { disks });
    process.kill(vm.pid ?? 0, "SIGKILL");
    await vm.exited;
    disks.come(machines.initrd);
    await expect(vm.disksReady).rejects.toMatchObject({ code: "VMM" });
  });
});
