import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cpioArchive } from "../src/image/cpio.ts";
import { hostTscKhz } from "../src/vm/host-tsc.ts";
import { kernelCmdline } from "../src/vm/kernel-cmdline.ts";
import { EMULATED_CPU } from "../src/vm/qemu/argv.ts";
import type { VmRecord } from "../src/state/record.ts";

/** The floor: QEMU with the same machine, memory and kernel as the container's VM, and nothing else in it. */
export interface BareVm {
  command: string;
  args: string[];
}

/** An initramfs whose /init powers the machine off (bench/poweroff.c). */
export function makeBareInitramfs(program: string, folder: string): string {
  const path = join(folder, "bare.cpio");
  const entries = [
    { type: "dir", name: "/dev", mode: 0o755 },
    { type: "nod", name: "/dev/console", mode: 0o600, major: 5, minor: 1 },
    { type: "file", name: "/init", mode: 0o755, data: readFileSync(program) },
  ] as const;
  writeFileSync(path, cpioArchive(entries));
  return path;
}

/** As src/vm/qemu/argv.ts makes it, without devices and without connections to anybody. */
export function bareVm(vm: VmRecord, kernel: string, initrd: string): BareVm {
  const tscKhz = hostTscKhz();
  const threads = vm.vcpus === 1 ? "single" : "multi";
  const accel =
    vm.accel === "kvm"
      ? "-accel kvm -cpu host"
      : `-accel tcg,thread=${threads},tb-size=128 -cpu ${EMULATED_CPU}`;
  const chips = tscKhz !== undefined || vm.accel === "kvm" ? ",pit=off,pic=off" : "";
  const machine = `-M microvm,acpi=on,rtc=on,isa-serial=on${chips} ${accel} -m ${vm.memSizeMib} -smp ${vm.vcpus}`;
  const nothingElse = "-nodefaults -no-user-config -nographic -no-reboot -serial none";
  const cmdline = kernelCmdline({ vmm: "qemu", accel: vm.accel, tscKhz, debug: false, extra: "" });
  const boot = ["-kernel", kernel, "-initrd", initrd, "-append", cmdline];
  return { command: "qemu-system-x86_64", args: [...`${machine} ${nothingElse}`.split(" "), ...boot] };
}
