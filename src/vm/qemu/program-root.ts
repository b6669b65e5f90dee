import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Confinement } from "../../host/confinement.ts";
import { librariesOf } from "../../host/program-files.ts";

/** Of a microvm: its firmware (SeaBIOS, or qboot where a distribution has that), and what starts a kernel that is an ELF file or a bzImage. */
const FIRMWARE = ["bios-microvm.bin", "qboot.rom", "pvh.bin", "linuxboot_dma.bin"];
const FIRMWARE_FOLDERS = ["share/qemu", "share/seabios"];
/** Software emulation, where a distribution has made a module of it (Debian, Fedora, RHEL). */
const TCG_MODULE = "accel-tcg-x86_64.so";
const MODULE_FOLDERS = ["lib/x86_64-linux-gnu/qemu", "lib64/qemu", "lib/qemu", "lib64/qemu-kvm"];

const KVM = "/dev/kvm";
/** A disk's file is locked in a way that is tried out on it first. */
const NULL_DEVICE = "/dev/null";

/** Those of the host that not everybody may open. */
export function devicesOf(accel: "kvm" | "tcg"): string[] {
  return accel === "kvm" ? [KVM] : [];
}

/**
 * What QEMU needs of the host besides the guest's own files: its libraries and modules, its firmware, devices.
 * @throws HOST when its libraries cannot be listed
 */
export async function programRoot(program: string, accel: "kvm" | "tcg"): Promise<Confinement> {
  // QEMU looks beside its program ("relocation", util/cutils.c) or where it was built for.
  const prefixes = [...new Set([join(dirname(program), ".."), "/usr"])];
  const find = (folders: readonly string[], names: readonly string[]): string[] =>
    prefixes
      .flatMap((prefix) => folders.flatMap((folder) => names.map((name) => join(prefix, folder, name))))
      .filter((path) => existsSync(path));
  const modules = accel === "tcg" ? find(MODULE_FOLDERS, [TCG_MODULE]) : [];
  const lists = [program, ...modules].map((path) => librariesOf(path, program));
  return {
    libraries: [...new Set((await Promise.all(lists)).flat())],
    files: [...modules, ...find(FIRMWARE_FOLDERS, FIRMWARE)],
    devices: [NULL_DEVICE, ...devicesOf(accel)],
  };
}
