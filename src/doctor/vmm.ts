import { existsSync } from "node:fs";
import { findProgram } from "../host/programs.ts";
import { checkVersion, MIN_VERSION } from "../vm/qemu/detect.ts";
import { resolveAccel } from "../vm/qemu/driver.ts";
import { hostTscKhz } from "../vm/host-tsc.ts";
import { fail, notChecked, ok, warn, type Check, type Finding } from "./check.ts";
import type { Context } from "./context.ts";
import { readText } from "./host-files.ts";
import { mendQemu, qemuPath } from "./qemu-path.ts";
import { firstLine, runProgram, versionIn } from "./run-program.ts";

/** What runs virtual machines, and how fast. */
export const VMM_CHECKS: readonly Check[] = [
  { group: "VM", name: "qemu", modes: ["vm"], run: qemu },
  { group: "VM", name: "acceleration", modes: ["vm"], run: acceleration },
  { group: "VM", name: "clock", modes: [], run: clock },
  { group: "VM", name: "firecracker", modes: [], run: firecracker },
  { group: "VM", name: "vsock", modes: [], run: vsock },
];

async function qemu(): Promise<Finding> {
  const path = qemuPath();
  if (path === undefined) return fail("qemu-system-x86_64 was not found", mendQemu());
  const [said, machines] = await Promise.all([
    runProgram(path, ["-version"]),
    runProgram(path, ["-machine", "help"]),
  ]);
  const version = versionIn(said.output);
  if (said.code !== 0 || version === "") return fail(`${path}: ${firstLine(said.output)}`, mendQemu());
  try {
    checkVersion(version);
  } catch {
    return fail(`${path} ${version}, expected ${MIN_VERSION} or later`, mendQemu());
  }
  if (!/^microvm\s/m.test(machines.output))
    return fail(`${path} ${version} has no machine "microvm"`, mendQemu());
  return ok(`${version}, with microvm (${path})`);
}

async function acceleration({ settings, image }: Context): Promise<Finding> {
  if (qemuPath() === undefined) return notChecked("qemu");
  const found = await image().catch(() => undefined);
  if (found === undefined) return notChecked("guest image");
  const want = settings.accel === "tcg" ? "tcg" : "auto";
  const { accel, reason, detail } = await resolveAccel(want, found.kernel);
  const more = detail === undefined ? {} : { detail };
  if (accel === "kvm" || want === "tcg") return ok(reason);
  if (settings.accel === "auto") return { ...warn(reason, mendKvm()), ...more };
  return { ...fail(`KVM is demanded; it would be ${reason}`, `--vm-accel=auto; or ${mendKvm()}`), ...more };
}

/** By what is the matter: no such device, no right to it, no such hardware. */
function mendKvm(): string {
  const flags = /^flags\s*:(.*)$/m.exec(readText("/proc/cpuinfo"))?.[1]?.split(" ") ?? [];
  const vendor = flags.includes("vmx") ? "kvm_intel" : flags.includes("svm") ? "kvm_amd" : undefined;
  if (vendor === undefined) {
    return "for the speed of hardware, switch virtualisation on in the firmware, or (nested) in the hypervisor below this machine";
  }
  if (!existsSync("/dev/kvm")) return `modprobe ${vendor}`;
  return process.getuid?.() === 0
    ? "the processor could do it: dmesg | grep -i kvm"
    : "run as root, or usermod -aG kvm $USER";
}

function clock(): Finding {
  const khz = hostTscKhz();
  if (khz !== undefined)
    return ok(`the host's counter runs at ${Math.round(khz / 1000)} MHz; emulated guests are told so`);
  return warn(
    "the rate of the host's counter is not known: an emulated guest must measure it, which can hang on a busy host",
    "sysctl -w kernel.dmesg_restrict=0, if the kernel's log may be read by all",
  );
}

function firecracker(): Finding {
  const path = findProgram("firecracker", process.env["PATH"] ?? "");
  return ok(
    path === undefined
      ? "not installed; not needed, QEMU is the VMM"
      : `${path}; QEMU is the VMM all the same`,
  );
}

function vsock(): Finding {
  const devices = ["/dev/vhost-vsock", "/dev/vsock"].filter((path) => existsSync(path));
  const found = devices.length === 0 ? "no device" : devices.join(", ");
  return ok(`${found}; not needed, the agent is reached over virtio-serial`);
}
