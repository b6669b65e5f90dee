import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cpioArchive } from "../src/image/cpio.ts";
import { hostTscKhz } from "../src/vm/host-tsc.ts";
import { kernelCmdline } from "../src/vm/kernel-cmdline.ts";
import { findFirecracker, notFound } from "../src/vm/firecracker/detect.ts";
import { FIRECRACKER_PARAMETERS } from "../src/vm/firecracker/parameters.ts";
import { QEMU_PARAMETERS } from "../src/vm/qemu/parameters.ts";
import { EMULATED_CPU } from "../src/vm/qemu/argv.ts";
import type { VmRecord } from "../src/state/record.ts";

/** The floor: a VMM with the same machine, memory and kernel as the container's VM, and nothing else in it. */
export interface BareVm {
  /** Of the VMM. */
  name: string;
  command: string;
  args: string[];
}

/** An initramfs whose /init ends the machine (bench/bare-init.c). */
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

/** @param folder for a file of configuration */
export function bareVm(vm: VmRecord, kernel: string, initrd: string, folder: string): BareVm {
  return vm.vmm === "firecracker"
    ? bareFirecracker(vm, kernel, initrd, folder)
    : bareQemu(vm, kernel, initrd);
}

/** Without an API, a vsock and disks, and without a jail. */
function bareFirecracker(vm: VmRecord, kernel: string, initrd: string, folder: string): BareVm {
  const cmdline = kernelCmdline({
    own: FIRECRACKER_PARAMETERS,
    accel: "kvm",
    tscKhz: undefined,
    debug: false,
    extra: "",
  });
  const config = join(folder, "bare.json");
  writeFileSync(
    config,
    JSON.stringify({
      "boot-source": { kernel_image_path: kernel, initrd_path: initrd, boot_args: cmdline },
      drives: [],
      "machine-config": { vcpu_count: vm.vcpus, mem_size_mib: vm.memSizeMib },
    }),
  );
  const program = findFirecracker()?.path;
  if (program === undefined) throw notFound();
  const args = ["--no-api", "--config-file", config, "--log-path", join(folder, "bare.log")];
  return { name: "Firecracker", command: program, args };
}

/**
 * As src/vm/qemu/argv.ts makes it, without devices and without connections to anybody.
 * @param more instead of no serial port, and devices
 */
export function bareQemu(
  vm: Pick<VmRecord, "accel" | "memSizeMib" | "vcpus">,
  kernel: string,
  initrd: string,
  more: readonly string[] = ["-serial", "none"],
): BareVm {
  const tscKhz = hostTscKhz();
  const threads = vm.vcpus === 1 ? "single" : "multi";
  const accel =
    vm.accel === "kvm"
      ? "-accel kvm -cpu host"
      : `-accel tcg,thread=${threads},tb-size=128 -cpu ${EMULATED_CPU}`;
  const chips = tscKhz !== undefined || vm.accel === "kvm" ? ",pit=off,pic=off" : "";
  const machine = `-M microvm,acpi=on,rtc=on,isa-serial=on${chips} ${accel} -m ${vm.memSizeMib} -smp ${vm.vcpus}`;
  const nothingElse = "-nodefaults -no-user-config -nographic -no-reboot";
  const cmdline = kernelCmdline({ own: QEMU_PARAMETERS, accel: vm.accel, tscKhz, debug: false, extra: "" });
  const boot = ["-kernel", kernel, "-initrd", initrd, "-append", cmdline];
  return {
    name: "QEMU",
    command: "qemu-system-x86_64",
    args: [...`${machine} ${nothingElse}`.split(" "), ...more, ...boot],
  };
}
