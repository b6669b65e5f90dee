import { existsSync } from "node:fs";
import { asNkError } from "../base/errors.ts";
import type { KernelImage } from "../image/kernel.ts";
import { closedKvm } from "../vm/accel.ts";
import { firecrackerVerdict } from "../vm/choose-vmm.ts";
import { findFirecracker } from "../vm/firecracker/detect.ts";
import { checkVersion, MIN_VERSION } from "../vm/qemu/detect.ts";
import { resolveAccel } from "../vm/qemu/driver.ts";
import { hostTscKhz } from "../vm/host-tsc.ts";
import { fail, lacking, notChecked, ok, warn, type Check, type Finding } from "./check.ts";
import type { Context } from "./context.ts";
import { firecracker, jailer } from "./firecracker.ts";
import { readText } from "./host-files.ts";
import { mendQemu, qemuPath } from "./qemu-path.ts";
import { firstLine, runProgram, versionIn } from "./run-program.ts";

/** What runs virtual machines, and how fast. */
export const VMM_CHECKS: readonly Check[] = [
  { group: "VM", name: "VMM in force", modes: ["vm"], run: inForce },
  { group: "VM", name: "qemu", modes: ["vm"], run: qemu },
  { group: "VM", name: "acceleration", modes: ["vm"], run: acceleration },
  { group: "VM", name: "clock", modes: [], run: clock },
  { group: "VM", name: "vsock", modes: [], run: vsock },
];

const MEND_NAME = "correct or unset NK_FIRECRACKER and NK_JAILER; --vm-jailer=auto needs no jailer";

/** What `auto` takes, and why; or why what was asked for cannot be had. */
async function inForce({ choice, image, settings }: Context): Promise<Finding> {
  try {
    return ok((await choice()).reason);
  } catch (error) {
    if (await isMissing(image())) return notChecked("guest image");
    const mend =
      settings.vmm === "auto" ? MEND_NAME : "--vm-vmm=auto takes QEMU where Firecracker cannot run";
    return fail(asNkError(error).message, mend);
  }
}

async function qemu({ vmm }: Context): Promise<Finding> {
  const path = qemuPath();
  const isNeeded = (await vmm()) === "qemu";
  const found = path === undefined ? "qemu-system-x86_64 was not found" : await lookAtQemu(path);
  if (typeof found !== "string") return found;
  return lacking(isNeeded)(isNeeded ? found : `${found}; not needed by Firecracker`, mendQemu());
}

/** @returns what is wrong with it, or what it is */
async function lookAtQemu(path: string): Promise<string | Finding> {
  const [said, machines] = await Promise.all([
    runProgram(path, ["-version"]),
    runProgram(path, ["-machine", "help"]),
  ]);
  const version = versionIn(said.output);
  if (said.code !== 0 || version === "") return `${path}: ${firstLine(said.output)}`;
  try {
    checkVersion(version);
  } catch {
    return `${path} ${version}, expected ${MIN_VERSION} or later`;
  }
  if (!/^microvm\s/m.test(machines.output)) return `${path} ${version} has no machine "microvm"`;
  return ok(`${version}, with microvm (${path})`);
}

async function acceleration(context: Context): Promise<Finding> {
  if ((await context.vmm()) === "firecracker") return accelerationOfFirecracker(context);
  return accelerationOfQemu(context);
}

async function accelerationOfQemu({ settings, image }: Context): Promise<Finding> {
  if (qemuPath() === undefined) return notChecked("qemu");
  const found = await image().catch(() => undefined);
  if (found === undefined) return notChecked("guest image");
  const want = settings.accel === "tcg" ? "tcg" : "auto";
  const { accel, reason, detail } = await resolveAccel(want, found.kernel);
  if (accel === "kvm" || want === "tcg") return ok(reason);
  if (settings.accel === "auto") return withDetail(warn(reason, mendKvm()), detail);
  const told = `KVM is demanded; it would be ${reason}`;
  return withDetail(fail(told, `--vm-accel=auto; or ${mendKvm()}`), detail);
}

/** It has nothing but KVM. */
async function accelerationOfFirecracker(context: Context): Promise<Finding> {
  const closed = closedKvm();
  const mend = `--vm-vmm=qemu; or ${mendKvm()}`;
  if (closed !== undefined) return fail(`Firecracker needs KVM, and ${closed}`, mend);
  const binary = findFirecracker();
  if (binary === undefined || (await firecracker(context)).status === "fail")
    return notChecked("firecracker");
  if ((await jailer(context)).status === "fail") return notChecked("jailer");
  if (await isMissing(context.image())) return notChecked("guest image");
  const kernel = async (): Promise<KernelImage> => (await context.image()).kernel;
  const verdict = await firecrackerVerdict(binary, { kernel, jailer: context.settings.jailer });
  const { usable, reason, detail } = verdict;
  if (usable) return ok(reason);
  const look = "docs/firecracker.md has what messages mean, --format=json its own words";
  return withDetail(fail(reason, `${mend}; ${look}`), detail);
}

const isMissing = (thing: Promise<unknown>): Promise<boolean> =>
  thing.then(
    () => false,
    () => true,
  );

const withDetail = (finding: Finding, detail: string | undefined): Finding =>
  detail === undefined ? finding : { ...finding, detail };

/** By what is the matter: no such device, no right to it, no such hardware. */
function mendKvm(): string {
  const isThere = existsSync("/dev/kvm");
  if (isThere && closedKvm() !== undefined) return "run as root, or usermod -aG kvm $USER";
  const flags = /^flags\s*:(.*)$/m.exec(readText("/proc/cpuinfo"))?.[1]?.split(" ") ?? [];
  const vendor = flags.includes("vmx") ? "kvm_intel" : flags.includes("svm") ? "kvm_amd" : undefined;
  if (vendor === undefined) {
    return "switch hardware virtualisation on, in the firmware or (nested) in the hypervisor below this machine";
  }
  return isThere ? "the processor could do it: dmesg | grep -i kvm" : `modprobe ${vendor}`;
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

function vsock(): Finding {
  const devices = ["/dev/vhost-vsock", "/dev/vsock"].filter((path) => existsSync(path));
  const found = devices.length === 0 ? "no device" : devices.join(", ");
  return ok(`${found}; only --vm-share=9p-vsock on QEMU needs /dev/vhost-vsock, Firecracker needs neither`);
}
