import { existsSync } from "node:fs";
import { fail, lacking, notChecked, ok, warn, withDetail, type Finding } from "../../host/finding.ts";
import { firstLine, runProgram, versionIn } from "../../host/run-program.ts";
import { asNkError } from "../../base/errors.ts";
import { mendKvm } from "../mend-kvm.ts";
import type { VmmDoctor, VmmQuestion } from "../vmm-doctor.ts";
import { confinement } from "./confinement-check.ts";
import { checkVersion, findQemu, MIN_VERSION } from "./detect.ts";
import { resolveAccel } from "./settle.ts";
import { VHOST_VSOCK } from "./share-device.ts";
import { userCard } from "./user-card.ts";

/** `VmDriver.doctor` */
export const qemuDoctor: VmmDoctor = {
  checks: [
    { group: "VM", name: "qemu", isNeeded: true, run: program },
    { group: "VM", name: "confinement", isNeeded: true, run: confinement },
    { group: "VM", name: "user network", isNeeded: false, run: userNetwork },
    { group: "shares", name: "9p", isNeeded: false, run: nineP },
  ],
  acceleration,
  vsock,
};

const TITLE = "QEMU";

async function program({ inForce }: VmmQuestion): Promise<Finding> {
  const path = qemuPath();
  const isNeeded = inForce === TITLE;
  const found = path === undefined ? "qemu-system-x86_64 was not found" : await look(path);
  if (typeof found !== "string") return found;
  return lacking(isNeeded)(isNeeded ? found : `${found}; not needed by ${inForce}`, mendQemu());
}

/** @returns what is wrong with it, or what it is */
async function look(path: string): Promise<string | Finding> {
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

async function acceleration({ accel: want, image }: VmmQuestion): Promise<Finding> {
  if (qemuPath() === undefined) return notChecked("qemu");
  const found = await image().catch(() => undefined);
  if (found === undefined) return notChecked("guest image");
  const { accel, reason, detail } = await resolveAccel(want === "tcg" ? "tcg" : "auto", found.kernel);
  if (accel === "kvm" || want === "tcg") return ok(reason);
  if (want === "auto") return withDetail(warn(reason, mendKvm()), detail);
  const told = `KVM is demanded; it would be ${reason}`;
  return withDetail(fail(told, `--vm-accel=auto; or ${mendKvm()}`), detail);
}

/** What serves the cards of --vm-net=user. */
async function userNetwork({ inForce }: VmmQuestion): Promise<Finding> {
  if (inForce !== TITLE) return ok(`not used: ${inForce} has no network in a program`);
  const path = qemuPath();
  if (path === undefined) return notChecked("qemu");
  try {
    const card = await userCard(path);
    if (card.backend === "passt") return ok(`${card.program} serves --vm-net=user`);
    return ok(
      "QEMU serves --vm-net=user, and is in the host's network namespace then: passt of August 2024 or later would keep it out",
    );
  } catch (error) {
    return warn(asNkError(error).message, "apt-get install passt");
  }
}

async function nineP({ inForce }: VmmQuestion): Promise<Finding> {
  if (inForce !== TITLE) return ok(`not used: ${inForce} has no device for it, 9p-vsock takes its place`);
  const path = qemuPath();
  if (path === undefined) return warn("cannot be told without QEMU, which serves it", mendQemu());
  const { output } = await runProgram(path, ["-device", "help"]);
  if (output.includes('"virtio-9p-device"')) return ok("QEMU serves it");
  return warn("this QEMU has no virtio-9p-device", "apt-get install qemu-system-x86, or use virtiofs");
}

function vsock(diod: string, isWanted: boolean): Finding {
  if (existsSync(VHOST_VSOCK)) return ok(`${diod}, and ${VHOST_VSOCK} for QEMU`);
  const lack = `${diod}; QEMU cannot use it: no ${VHOST_VSOCK}`;
  return isWanted ? fail(lack, "modprobe vhost_vsock") : ok(lack);
}

/** The QEMU that would be taken; undefined when there is none. */
function qemuPath(): string | undefined {
  try {
    return findQemu().path;
  } catch {
    return undefined;
  }
}

function mendQemu(): string {
  const install = "apt-get install qemu-system-x86";
  const named = process.env["NK_QEMU"];
  return named === undefined ? install : `NK_QEMU names ${named}: correct or unset it, or ${install}`;
}
