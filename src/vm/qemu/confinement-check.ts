import { readlinkSync } from "node:fs";
import { confined } from "../../host/confinement.ts";
import { fail, ok, warn, type Finding } from "../../host/finding.ts";
import { shadowPath } from "../../host/paths.ts";
import { firstLine, runProgram } from "../../host/run-program.ts";
import { sandboxUser } from "../../host/sandbox-user.ts";
import type { VmmQuestion } from "../vmm-doctor.ts";

const MEND = "run nk-runtime as root on the host itself; --vm-confine=off does without, for debugging";

/** What a guest has that takes over QEMU: by asking a program that is started as QEMU is what it may do. */
export async function confinement({ inForce, confine }: VmmQuestion): Promise<Finding> {
  if (inForce !== "QEMU") return ok(`not used: ${inForce} has its own`);
  if (confine === "off")
    return warn(
      "off: QEMU and virtiofsd keep the rights of root, and so does a guest that takes one of them over",
      "leave out --vm-confine=off; in settings files vm.confine",
    );
  const user = sandboxUser();
  const [helper, ...options] = confined({ libraries: [], user }, []);
  const { code, output } = await runProgram(helper, [...options, shadowPath(), "rights"]);
  if (code !== 0) return fail(firstLine(output) || `exit status ${code}`, MEND);
  return judge(output, user);
}

/** @param text of `nk-shadow rights` */
export function judge(text: string, user: number, ourNetwork = readlinkSync("/proc/self/ns/net")): Finding {
  const lacks: string[] = [];
  const expectLine = (name: string, pattern: RegExp, what: string): void => {
    const value = new RegExp(`^${name}:[ \\t]*(.*)$`, "m").exec(text)?.[1] ?? "";
    if (!pattern.test(value)) lacks.push(what);
  };
  expectLine("Uid", new RegExp(`^${user}(\\s+${user}){3}$`), "a user of its own");
  for (const set of ["CapPrm", "CapEff", "CapBnd"]) expectLine(set, /^0+$/, `an empty ${set}`);
  expectLine("NoNewPrivs", /^1$/, "no_new_privs");
  expectLine("Seccomp", /^2$/, "a filter of system calls");
  expectLine("Network", /^net:/, "a network namespace");
  if (text.includes(ourNetwork)) lacks.push("an empty network namespace");
  if (lacks.length > 0) return fail(`QEMU would be without ${lacks.join(", ")}`, MEND);
  const who = user === 0 ? "your user in a root of its own" : "a user and a root of its own";
  return ok(
    `QEMU: ${who}, no capability, no network, filtered system calls; ` +
      "virtiofsd, or QEMU with 9p: the capabilities of files' owners as well, and the container's tree",
  );
}
