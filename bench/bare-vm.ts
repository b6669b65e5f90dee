import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cpioArchive } from "../src/image/cpio.ts";
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

export function bareVm(vm: VmRecord, initrd: string): BareVm {
  const accel = vm.accel === "kvm" ? "-accel kvm -cpu host" : "-accel tcg,tb-size=128";
  const machine = `-M microvm,acpi=on ${accel} -m ${vm.memSizeMib}M -smp ${vm.vcpus}`;
  const nothingElse = "-nodefaults -no-user-config -display none -no-reboot -serial none";
  const boot = ["-kernel", vm.kernel, "-initrd", initrd, "-append", bareCmdline()];
  const args = [...`${machine} ${nothingElse}`.split(" "), ...boot];
  return { command: "qemu-system-x86_64", args };
}

/** A kernel that must calibrate its clock hangs on a busy host under emulation: it is told the host's frequency. */
function bareCmdline(): string {
  const mhz = /^cpu MHz\s*: ([\d.]+)/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1];
  const khz = Math.round(Number(mhz ?? 0) * 1000);
  const clock = khz > 0 ? [`tsc_early_khz=${khz}`, "tsc=reliable", `lpj=${khz * 2}`] : [];
  return ["quiet", "panic=-1", ...clock].join(" ");
}
