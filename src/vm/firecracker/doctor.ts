import { asNkError } from "../../base/errors.ts";
import { fail, lacking, notChecked, ok, warn, withDetail, type Finding } from "../../host/finding.ts";
import { firstLine, runProgram } from "../../host/run-program.ts";
import { isOfHost, usersThere } from "../../host/user-namespace.ts";
import { closedKvm } from "../accel.ts";
import { mendKvm } from "../mend-kvm.ts";
import type { VmmDoctor, VmmQuestion } from "../vmm-doctor.ts";
import { checkMinimum, knownFaults, parseVersion, type FirecrackerVersion } from "./api/versions.ts";
import { findFirecracker, findJailer } from "./detect.ts";
import { firecrackerVerdict } from "./settle.ts";

/** `VmDriver.doctor`. What it lacks is a failure only where it is the VMM in force. */
export const firecrackerDoctor: VmmDoctor = {
  checks: [
    { group: "VM", name: "firecracker", isNeeded: true, run: program },
    { group: "VM", name: "jailer", isNeeded: true, run: jailer },
  ],
  acceleration,
  vsock: (diod) => ok(`${diod}, over Firecracker's own vsock`),
};

const TITLE = "Firecracker";

const INSTALL = "install firecracker and jailer of one release, see docs/firecracker.md";

const AFTER = { start: "", pause: "after vm-pause ", restore: "after the load of a snapshot " } as const;

async function program({ inForce }: VmmQuestion): Promise<Finding> {
  const found = findFirecracker();
  const isInForce = inForce === TITLE;
  if (found === undefined) {
    if (isInForce)
      return fail("found neither by NK_FIRECRACKER, nor in PATH, nor in /usr/local/bin", INSTALL);
    return ok(`not installed; not needed, ${inForce} runs the VMs`);
  }
  const version = await versionOf(found.path, TITLE);
  if (typeof version === "string") return lacking(isInForce)(version, INSTALL);
  try {
    checkMinimum(version);
  } catch (error) {
    return lacking(isInForce)(`${found.path}: ${asNkError(error).message}`, INSTALL);
  }
  return withFaults(version, found.path);
}

function withFaults(version: FirecrackerVersion, path: string): Finding {
  const found = `${version.text} (${path})`;
  const faults = knownFaults(version).map(({ after, message }) => `${AFTER[after]}${message}`);
  if (faults.length === 0) return ok(found);
  return warn(
    `${found}; its known faults: ${faults.join("; ")}`,
    `1.16.2 or later has none of them: ${INSTALL}`,
  );
}

async function jailer({ inForce, jailer: want }: VmmQuestion): Promise<Finding> {
  if (inForce !== TITLE) return ok(`not used: ${inForce} is the VMM`);
  if (want === "off") return ok("not used: --vm-jailer=off");
  const binary = findFirecracker();
  if (binary === undefined) return notChecked("firecracker");
  const problem = lacking(want === "on");
  if (!isOfHost(usersThere())) return problem("the jailer needs root of the host", "run it with sudo");
  const path = findJailer(binary);
  if (path === undefined)
    return problem("none found: Firecracker would run as root, without a jail", INSTALL);
  const [own, its] = await Promise.all([versionOf(path, "Jailer"), versionOf(binary.path, TITLE)]);
  if (typeof own === "string") return fail(own, `${INSTALL}; --vm-jailer=off does without`);
  if (typeof its !== "string" && own.text !== its.text)
    return warn(`${own.text} (${path}), and Firecracker is ${its.text}`, INSTALL);
  return ok(`${own.text} (${path})`);
}

/** It has nothing but KVM. */
async function acceleration(question: VmmQuestion): Promise<Finding> {
  const closed = closedKvm();
  const mend = `--vm-vmm=qemu; or ${mendKvm()}`;
  if (closed !== undefined) return fail(`Firecracker needs KVM, and ${closed}`, mend);
  const binary = findFirecracker();
  if (binary === undefined || (await program(question)).status === "fail") return notChecked("firecracker");
  if ((await jailer(question)).status === "fail") return notChecked("jailer");
  const found = await question.image().catch(() => undefined);
  if (found === undefined) return notChecked("guest image");
  const { usable, reason, detail } = await firecrackerVerdict(binary, question);
  if (usable) return ok(reason);
  const look = "docs/firecracker.md has what messages mean, --format=json its own words";
  return withDetail(fail(reason, `${mend}; ${look}`), detail);
}

/** @returns what is wrong, for people, when it is not that program */
async function versionOf(path: string, name: string): Promise<FirecrackerVersion | string> {
  const { output } = await runProgram(path, ["--version"]);
  const version = new RegExp(`^${name} v(\\S+)`, "m").exec(output)?.[1];
  if (version !== undefined) return parseVersion(version);
  return `${path}: expected "${name} v1.…" from --version, found "${firstLine(output)}"`;
}
