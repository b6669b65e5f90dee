import { asNkError } from "../base/errors.ts";
import { findFirecracker, findJailer } from "../vm/firecracker/detect.ts";
import {
  checkMinimum,
  knownFaults,
  parseVersion,
  type FirecrackerVersion,
} from "../vm/firecracker/api/versions.ts";
import { fail, lacking, notChecked, ok, warn, type Check, type Finding } from "./check.ts";
import type { Context } from "./context.ts";
import { firstLine, runProgram } from "./run-program.ts";

/** Firecracker, the VMM beside QEMU. What it lacks is a failure only where it is the VMM in force. */
export const FIRECRACKER_CHECKS: readonly Check[] = [
  { group: "VM", name: "firecracker", modes: ["vm"], run: firecracker },
  { group: "VM", name: "jailer", modes: ["vm"], run: jailer },
];

const INSTALL = "install firecracker and jailer of one release, see docs/firecracker.md";

const AFTER = { start: "", pause: "after vm-pause ", restore: "after the load of a snapshot " } as const;

export async function firecracker({ vmm }: Context): Promise<Finding> {
  const found = findFirecracker();
  const isInForce = (await vmm()) === "firecracker";
  if (found === undefined) {
    if (isInForce)
      return fail("found neither by NK_FIRECRACKER, nor in PATH, nor in /usr/local/bin", INSTALL);
    return ok("not installed; not needed, QEMU runs the VMs");
  }
  const version = await versionOf(found.path, "Firecracker");
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

export async function jailer({ vmm, settings }: Context): Promise<Finding> {
  if ((await vmm()) !== "firecracker") return ok("not used: QEMU is the VMM");
  if (settings.jailer === "off") return ok("not used: --vm-jailer=off");
  const binary = findFirecracker();
  if (binary === undefined) return notChecked("firecracker");
  const problem = lacking(settings.jailer === "on");
  if (process.getuid?.() !== 0) return problem("the jailer needs root", "run it with sudo");
  const path = findJailer(binary);
  if (path === undefined)
    return problem("none found: Firecracker would run as root, without a jail", INSTALL);
  const [own, its] = await Promise.all([versionOf(path, "Jailer"), versionOf(binary.path, "Firecracker")]);
  if (typeof own === "string") return fail(own, `${INSTALL}; --vm-jailer=off does without`);
  if (typeof its !== "string" && own.text !== its.text)
    return warn(`${own.text} (${path}), and Firecracker is ${its.text}`, INSTALL);
  return ok(`${own.text} (${path})`);
}

/** @returns what is wrong, for people, when it is not that program */
async function versionOf(path: string, name: string): Promise<FirecrackerVersion | string> {
  const { output } = await runProgram(path, ["--version"]);
  const version = new RegExp(`^${name} v(\\S+)`, "m").exec(output)?.[1];
  if (version !== undefined) return parseVersion(version);
  return `${path}: expected "${name} v1.…" from --version, found "${firstLine(output)}"`;
}
