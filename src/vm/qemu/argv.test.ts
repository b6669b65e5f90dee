import { expect, test } from "vitest";
import { qemuArgv, type QemuArgvOptions } from "./argv.ts";

const base: QemuArgvOptions = {
  qemu: "/usr/bin/qemu-system-x86_64",
  accel: "tcg",
  vcpus: 1,
  memSizeMib: 256,
  kernel: "/k",
  initrd: "/i",
  cmdline: "console=ttyS0 quiet",
  knownTsc: true,
  isUnlocked: false,
  vm: {
    id: "c1",
    share: { args: ["-device", "share"], sharedMemory: false },
    disks: [],
    debug: false,
  },
};

/** Values of every `option` of the command line. */
function valuesOf(option: string, changes: Partial<QemuArgvOptions> = {}): string[] {
  const argv = qemuArgv({ ...base, ...changes });
  return argv.filter((_, index) => argv[index - 1] === option);
}

test("one CPU has one thread, more have one each", () => {
  expect(valuesOf("-accel")).toEqual(["tcg,thread=single,tb-size=128"]);
  expect(valuesOf("-accel", { vcpus: 2 })).toEqual(["tcg,thread=multi,tb-size=128"]);
  expect(valuesOf("-accel", { accel: "kvm" })).toEqual(["kvm"]);
});

test("the old timer stays when the guest must measure its counter against it", () => {
  expect(valuesOf("-M")[0]).toContain("pit=off");
  expect(valuesOf("-M", { knownTsc: false })[0]).not.toContain("pit=off");
});

test("memory is a shared file only for a share that maps it", () => {
  expect(valuesOf("-object")).toEqual([]);
  const vm = {
    ...base.vm,
    id: "c1",
    share: { args: [], sharedMemory: true },
    disks: [],
    debug: false,
  };
  expect(valuesOf("-object", { vm })).toEqual(["memory-backend-memfd,id=mem,size=256M,share=on"]);
  expect(valuesOf("-M", { vm })[0]).toContain("memory-backend=mem");
});

test("a comma in a name does not end the value", () => {
  const vm = { id: "a,b", share: undefined, disks: [], debug: true };
  expect(valuesOf("-name", { vm })).toEqual(["nk-a,,b"]);
});

test("a probe has neither agent nor share nor initramfs", () => {
  const { vm: _, ...probe } = base;
  const argv = qemuArgv({ ...probe, initrd: undefined });
  expect(argv.join(" ")).not.toMatch(/virtio-serial|-initrd|-name/);
});

test("disks are in their order, and a full disk of the host does not stop the guest", () => {
  const disks = [{ readOnly: true }, { readOnly: false }];
  const vm = { id: "c", share: undefined, disks, debug: false };
  const [image = "", written = ""] = valuesOf("-blockdev", { vm });
  expect(image).toContain("node-name=disk0,file.driver=file,file.filename=/disk0,");
  expect(image).toContain("read-only=on");
  expect(written).toContain("file.filename=/disk1,");
  expect(written).toContain("read-only=off");
  expect(valuesOf("-device", { vm }).filter((value) => value.startsWith("virtio-blk"))).toEqual([
    "virtio-blk-device,drive=disk0,werror=report,rerror=report",
    "virtio-blk-device,drive=disk1,werror=report,rerror=report",
  ]);
});
