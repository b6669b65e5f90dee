// The Firecracker driver against a stand-in that does not get a VM to run: what is said, and what to do about it.
import { chmodSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Deadline } from "../../src/base/deadline.ts";
import { NkError, type ErrorCode } from "../../src/base/errors.ts";
import type { Disk } from "../../src/image/root-disks.ts";
import type { VmSpec } from "../../src/vm/virtual-machine.ts";
import { HAS_KVM } from "../fixtures/fake-firecracker.ts";
import { Machines, soon, type Behaviour, type ShapeChanges } from "./firecracker-driver-rig.ts";

let machines: Machines;

beforeEach(() => {
  machines = new Machines();
});

afterEach(() => machines.close());

interface Failure extends Behaviour {
  name: string;
  code: ErrorCode;
  /** One line: what is the matter, and then what can be done. */
  message: RegExp;
  /** What the VMM itself said, which the error shows. */
  log?: RegExp;
  changes?: (machines: Machines) => Partial<VmSpec>;
}

const failures: Failure[] = [
  {
    name: "it ends before its socket is there",
    fault: "exit-before-bind:1",
    code: "VMM",
    message:
      /^start the VMM: Firecracker exited with code 1 \(an error of its own\), expected it to keep running$/,
    log: /SeccompFilter/,
  },
  {
    name: "it takes its arguments for wrong",
    fault: "exit-before-bind:153",
    code: "VMM",
    message: /exited with code 153 \(bad arguments\)/,
  },
  {
    name: "it makes a forbidden system call at its start",
    fault: "exit-before-bind:148",
    code: "VMM",
    message: /exited with code 148 \(.*seccomp filter forbids\)/,
  },
  {
    name: "it ends after it took the first request, whose connection is seen to end before",
    fault: "api-filtered:200",
    code: "VMM",
    message: /^start the VMM: Firecracker exited with code 148 \(.*seccomp filter forbids\)/,
    log: /bad syscall \(44\)/,
  },
  {
    name: "it ends when it is to start the guest",
    fault: "start-exits:149",
    code: "VMM",
    message: /^make the VM: Firecracker exited with code 149 \(a bus error: .*huge pages left\)/,
  },
  { name: "it cuts off all requests", fault: "reset", code: "VMM", message: /GET \/version/ },
  { name: "it cuts off one request", fault: "reset:/vsock", code: "VMM", message: /PUT \/vsock/ },
  {
    name: "it is too old",
    version: "1.13.0",
    code: "UNSUPPORTED",
    message: /Firecracker 1\.13\.0 is too old: 1\.14\.0 or later is needed, 1\.16\.2 or later is best/,
  },
  {
    name: "there is no KVM",
    fault: "start-refused:no-kvm",
    code: "UNSUPPORTED",
    message: /\/dev\/kvm does not exist: modprobe kvm_intel or kvm_amd.*--vm-vmm=qemu/,
  },
  {
    name: "it may not open KVM's device",
    fault: "start-refused:kvm-permission",
    code: "UNSUPPORTED",
    message: /may not open \/dev\/kvm: give its user read and write access.*--vm-vmm=qemu/,
  },
  {
    name: "the CPU cannot virtualise",
    fault: "start-refused:no-virtualization",
    code: "UNSUPPORTED",
    message: /no hardware virtualisation.*: turn VT-x or SVM on.*--vm-vmm=qemu/,
  },
  {
    name: "another hypervisor is in the way",
    fault: "start-refused:kvm-busy",
    code: "HOST",
    message: /another hypervisor uses.*: end it.*--vm-vmm=qemu/,
  },
  {
    name: "KVM is too old",
    fault: "start-refused:kvm-capability",
    code: "UNSUPPORTED",
    message: /lacks what Firecracker needs \(capabilities 0x4b\): use a host kernel from 5\.10 on/,
  },
  {
    name: "the host has not enough memory",
    fault: "start-refused:no-memory",
    code: "HOST",
    message: /not enough memory for the VM: give less with --vm-memory/,
  },
  {
    name: "the initramfs is too big",
    fault: "start-refused:initrd-too-big",
    code: "BAD_CONFIG",
    message: /initramfs does not fit into the VM's memory: give more with --vm-memory/,
  },
  {
    name: "there are too many devices",
    fault: "start-refused:too-many-devices",
    code: "UNSUPPORTED",
    message: /more devices than Firecracker can attach: use fewer disks/,
  },
  {
    name: "the kernel is a text",
    code: "BAD_CONFIG",
    message: /no image that this Firecracker boots: name an uncompressed vmlinux .* with --vm-kernel/,
    changes: ({ kernel }) => {
      writeFileSync(kernel, "This is a text that is longer than the header of an ELF file.\n".repeat(4));
      return {};
    },
  },
  {
    name: "the kernel is cut off in its header",
    code: "BAD_CONFIG",
    message: /no image that this Firecracker boots/,
    changes: ({ kernel }) => {
      truncateSync(kernel, 20);
      return {};
    },
  },
  {
    name: "the kernel is cut off after its header",
    code: "BAD_CONFIG",
    message:
      /does not fit into the VM's memory, or its file is cut short: give more with --vm-memory, or name another/,
    changes: ({ kernel }) => {
      truncateSync(kernel, 130);
      return {};
    },
  },
  {
    name: "a disk is not there",
    code: "HOST",
    message: /cannot open the disk \/nowhere: no such file or directory: see that it exists/,
    changes: () => ({ disks: disksOf([{ path: "/nowhere", file: "/nowhere", readOnly: true }]) }),
  },
  {
    name: "the kernel's command line is too long",
    code: "BAD_CONFIG",
    message: /cannot take the kernel command line|longer than 1023 bytes/,
    changes: () => ({ extraCmdline: "ä".repeat(1000) }),
  },
];

function disksOf(disks: Disk[]): VmSpec["disks"] {
  return { slots: Promise.resolve(disks), ready: Promise.resolve(disks) };
}

describe.runIf(HAS_KVM)("a boot fails when", () => {
  test.each(failures)("$name", async ({ code, message, log, changes, ...behaviour }) => {
    const vm = await machines.create(behaviour, changes?.(machines));
    const error = await vm.boot(Deadline.after(20_000)).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
    expect((error as NkError).message).not.toMatch(/[\n{}]|undefined/);
    if (log) expect((error as NkError).log).toMatch(log);
  });

  test.each([
    ["it never makes its socket", "never-bind", /found nobody there before the deadline/],
    ["it is slow", "slow:400", /did not come within/],
  ])("%s, at the deadline", async (_, fault, message) => {
    const vm = await machines.create({ fault });
    await expect(vm.boot(Deadline.after(600))).rejects.toMatchObject({
      code: "TIMEOUT",
      message: expect.stringMatching(message),
    });
  });

  test("the disks cannot be made", async () => {
    const cause = new NkError("HOST", "no room for the disk");
    const failed = Promise.reject(cause);
    failed.catch(() => {});
    const vm = await machines.create({}, { disks: { slots: failed, ready: failed } });
    await expect(vm.boot(soon())).rejects.toBe(cause);
  });
});

describe.runIf(HAS_KVM)("a VM is not even made", () => {
  test.each<[string, RegExp, (machines: Machines) => ShapeChanges]>([
    ["33 CPUs", /expected 1 to 32 CPUs.*correct --vm-vcpus/, () => ({ vcpus: 33 })],
    ["1 MiB of memory", /at least 64 MiB.*correct --vm-memory/, () => ({ memSizeMib: 1 })],
    ["no kernel", /\/no\/kernel: expected a file to boot from, found nothing/, () => kernelAt("/no/kernel")],
    [
      "a folder for a kernel",
      /expected a file to boot from, found something else/,
      ({ folder }) => kernelAt(folder),
    ],
    ["no initramfs", /\/no\/initrd: expected a file/, () => ({ initrd: "/no/initrd" })],
  ])("with %s", async (_, message, changes) => {
    await expect(machines.create({}, {}, changes(machines))).rejects.toMatchObject({
      message: expect.stringMatching(message),
    });
    expect(machines.processes()).toEqual([]);
  });

  function kernelAt(path: string): ShapeChanges {
    return { kernel: { path, file: path, format: "elf", release: "6.1", shares: [], lacks: [] } };
  }
});

describe("the program", () => {
  test.each([
    ["that is not there", "/nowhere/firecracker"],
    ["that may not be run", "initrd"],
  ])("%s is refused by its name", async (_, name) => {
    process.env["NK_FIRECRACKER"] = join(machines.folder, name);
    await expect(machines.create()).rejects.toMatchObject({
      code: "UNSUPPORTED",
      message: expect.stringMatching(
        /^NK_FIRECRACKER names .* which is no program: name another, or unset it$/,
      ),
    });
  });

  test.runIf(HAS_KVM)("that the host cannot execute is told in the host's words", async () => {
    const program = join(machines.folder, "firecracker");
    writeFileSync(program, "\x7fELF, but not really");
    chmodSync(program, 0o755);
    process.env["NK_FIRECRACKER"] = program;
    const vm = await machines.create();
    await expect(vm.boot(soon())).rejects.toMatchObject({
      code: "VMM",
      log: expect.stringContaining("cannot run"),
    });
  });
});
