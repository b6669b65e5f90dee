// VMs of the Firecracker driver, run by the stand-in.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect } from "vitest";
import { Deadline } from "../../src/base/deadline.ts";
import { NO_DISKS } from "../../src/image/root-disks.ts";
import { firecrackerDriver } from "../../src/vm/firecracker/driver.ts";
import type { JailerWish } from "../../src/vm/driver.ts";
import { findFirecracker, notFound, wantedJailer } from "../../src/vm/firecracker/detect.ts";
import type { SettledShape } from "../../src/vm/shape.ts";
import type { VirtualMachine, VmSpec } from "../../src/vm/virtual-machine.ts";
import { elf, FAKE_FIRECRACKER } from "../fixtures/fake-firecracker.ts";

/** By this in its environment a process is known as a VM's; the jailer's stand-in keeps what begins so. */
const MARK = "NK_FAKE_FC_MARK";

const LOGS = ["console.log", "share.log", "vmm.log"];

/** What the stand-in's own guest leaves when it is killed early. */
const OF_STAND_IN = /^agent-/;

export const soon = (): Deadline => Deadline.after(10_000);

/** What is otherwise in a VM's shape; the jailer is looked for as it is for a wish. */
export type ShapeChanges = Partial<Omit<SettledShape, "jailer">> & { jailer?: JailerWish };

export interface Behaviour {
  fault?: string;
  guest?: "silent" | "agent";
  version?: string;
}

/** How the stand-ins that are started from now on behave. */
export function behave({ fault = "", guest = "silent", version = "1.16.1" }: Behaviour): void {
  process.env["NK_FAKE_FC_FAULT"] = fault;
  process.env["NK_FAKE_FC_GUEST"] = guest;
  process.env["NK_FAKE_FC_VERSION"] = version;
}

/** The VMs of one test, with a folder for each. */
export class Machines {
  readonly folder = mkdtempSync(join(tmpdir(), "nk-fcd-"));
  readonly kernel = join(this.folder, "vmlinux");
  readonly initrd = join(this.folder, "initrd");
  private readonly open: { vm: VirtualMachine; stateDir: string }[] = [];

  constructor() {
    writeFileSync(this.kernel, elf(1024 * 1024));
    writeFileSync(this.initrd, "initramfs");
    process.env["NK_SHADOW"] ??= resolve("build/bin/nk-shadow");
    process.env["NK_FIRECRACKER"] = FAKE_FIRECRACKER;
    process.env[MARK] = this.folder;
    behave({});
  }

  /** Where the next VM's files will be, unless `changes` of `create` name another folder. */
  stateDir(): string {
    return mkdtempSync(join(this.folder, "vm-"));
  }

  /** As it would be settled by `firecrackerDriver.settle`, without a look at KVM. @throws as `wantedJailer` */
  shape({ jailer: want = "off", ...changes }: ShapeChanges = {}): SettledShape {
    const path = this.kernel;
    const found = findFirecracker();
    if (found === undefined) throw notFound();
    return {
      vmm: "firecracker",
      program: found.path,
      jailer: wantedJailer(found, want),
      accel: "kvm",
      kernel: { path, file: path, format: "elf", release: "6.1", shares: ["9p-vsock"], lacks: [] },
      initrd: this.initrd,
      vcpus: 1,
      memSizeMib: 128,
      root: "disk",
      debug: false,
      ...changes,
    };
  }

  async create(
    behaviour: Behaviour = {},
    changes: Partial<VmSpec> = {},
    shape: ShapeChanges = {},
  ): Promise<VirtualMachine> {
    behave(behaviour);
    const stateDir = changes.stateDir ?? this.stateDir();
    const vm = await firecrackerDriver.create({
      id: "c1",
      stateDir,
      shape: this.shape(shape),
      accelReason: "it always uses KVM",
      extraCmdline: "",
      folder: { shadowPid: 0 },
      disks: NO_DISKS,
      ...changes,
    });
    this.open.push({ vm, stateDir });
    return vm;
  }

  async boot(
    behaviour: Behaviour = {},
    changes: Partial<VmSpec> = {},
    shape: ShapeChanges = {},
  ): Promise<VirtualMachine> {
    const vm = await this.create(behaviour, changes, shape);
    await vm.boot(soon());
    return vm;
  }

  /** Closes each VM twice; expects that nothing remains but logs. */
  async close(): Promise<void> {
    try {
      for (const { vm, stateDir } of this.open.splice(0)) {
        await vm.close();
        await vm.close();
        const left = readdirSync(stateDir).filter((name) => !LOGS.includes(name) && !OF_STAND_IN.test(name));
        expect(left).toEqual([]);
      }
      await expect.poll(() => this.processes()).toEqual([]);
      expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(this.folder);
    } finally {
      rmSync(this.folder, { recursive: true, force: true });
    }
  }

  /** What runs of the VMs, by pid. */
  processes(): number[] {
    const mark = `${MARK}=${this.folder}\0`;
    const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
    return pids.filter((pid) => read(`/proc/${pid}/environ`).includes(mark)).map(Number);
  }
}

/** A file of /proc; nothing when its process has just ended. */
export function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
