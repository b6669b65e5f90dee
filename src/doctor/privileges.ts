import { asNkError } from "../base/errors.ts";
import { shadowPath } from "../host/paths.ts";
import { hasCapability } from "../host/capabilities.ts";
import { isOfHost, isRoot, planNamespace, usersThere } from "../host/user-namespace.ts";
import { fail, ok, warn, type Finding } from "../host/finding.ts";
import type { Check } from "./check.ts";
import { inSourceTree } from "./source-tree.ts";
import { firstLine, runProgram } from "../host/run-program.ts";

/** Who runs us, and whether the native helper works. */
export const PRIVILEGE_CHECKS: readonly Check[] = [
  { group: "host", name: "privileges", modes: ["vm"], run: privileges },
  { group: "host", name: "nk-shadow", modes: ["vm"], run: helper },
];

/** Bits of capabilities(7) that VM mode needs. */
const NEEDED: readonly [string, number][] = [
  ["CAP_CHOWN", 0],
  ["CAP_DAC_OVERRIDE", 1],
  ["CAP_FOWNER", 3],
  ["CAP_KILL", 5],
  ["CAP_SETGID", 6],
  ["CAP_SETUID", 7],
  ["CAP_SYS_CHROOT", 18],
  ["CAP_SYS_PTRACE", 19],
  ["CAP_SYS_ADMIN", 21],
  ["CAP_MKNOD", 27],
];

function privileges(): Finding {
  if (!isRoot()) return ofUser();
  const missing = NEEDED.filter(([, capability]) => !hasCapability(capability)).map(([name]) => name);
  const who = isOfHost(usersThere()) ? "root" : "root of a user namespace";
  if (missing.length === 0) return ok(`${who}, with all capabilities that VM mode needs`);
  return fail(
    `root without ${missing.join(", ")}`,
    "run outside of a container, or give the container these capabilities (docker run --privileged)",
  );
}

/** Whether namespaces can be made is a check of its own. */
function ofUser(): Finding {
  const { users, lack } = planNamespace();
  const who = `user ${process.getuid?.()}, in user namespaces of its own`;
  const more = users.slice(1).reduce((sum, { count }) => sum + count, 0);
  if (lack === undefined) return ok(`${who}, with ${more} more users and groups`);
  return warn(
    `${who}, without any other user: ${lack}: what a container gives to another user than root fails`,
    "as root: apt-get install uidmap; usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER",
  );
}

/** By starting a program through it, as VMMs are. */
async function helper(): Promise<Finding> {
  const mend = inSourceTree("make -C native");
  let path;
  try {
    path = shadowPath();
  } catch (error) {
    return fail(asNkError(error).message, mend);
  }
  const args = ["spawn", "--parent", String(process.pid), "--", "/bin/true"];
  const { code, output } = await runProgram(path, args);
  if (code === 0) return ok(`${path} runs`);
  return fail(`${path}: ${firstLine(output) || `exit status ${code}`}`, mend);
}
