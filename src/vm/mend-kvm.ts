import { existsSync, readFileSync } from "node:fs";
import { closedKvm } from "./accel.ts";

/** By what is the matter: no such device, no right to it, no such hardware. */
export function mendKvm(): string {
  const isThere = existsSync("/dev/kvm");
  if (isThere && closedKvm() !== undefined) return "run as root, or usermod -aG kvm $USER";
  const flags = /^flags\s*:(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1]?.split(" ") ?? [];
  const vendor = flags.includes("vmx") ? "kvm_intel" : flags.includes("svm") ? "kvm_amd" : undefined;
  if (vendor === undefined) {
    return "switch hardware virtualisation on, in the firmware or (nested) in the hypervisor below this machine";
  }
  return isThere ? "the processor could do it: dmesg | grep -i kvm" : `modprobe ${vendor}`;
}
