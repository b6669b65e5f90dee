import { asNkError } from "../base/errors.ts";
import { shadowPath } from "../host/paths.ts";
import { fail, ok, type Finding } from "../host/finding.ts";
import type { Check } from "./check.ts";
import { readText } from "./host-files.ts";
import { inSourceTree } from "./source-tree.ts";
import { firstLine, runProgram } from "../host/run-program.ts";

/** Who runs us, and whether the native helper works. */
export const PRIVILEGE_CHECKS: readonly Check[] = [
  { group: "host", name: "privileges", modes: ["vm"], run: privileges },
  { group: "host", name: "nk-shadow", modes: ["vm"], run: helper },
];

/** Bits of capabilities(7) that VM mode needs. */
const NEEDED: readonly [string, bigint][] = [
  ["CAP_CHOWN", 0n],
  ["CAP_DAC_OVERRIDE", 1n],
  ["CAP_FOWNER", 3n],
  ["CAP_KILL", 5n],
  ["CAP_SETGID", 6n],
  ["CAP_SETUID", 7n],
  ["CAP_SYS_CHROOT", 18n],
  ["CAP_SYS_PTRACE", 19n],
  ["CAP_SYS_ADMIN", 21n],
  ["CAP_MKNOD", 27n],
];

function privileges(): Finding {
  const uid = process.getuid?.() ?? -1;
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(readText("/proc/self/status"))?.[1] ?? "0"}`);
  const missing = NEEDED.filter(([, bit]) => ((effective >> bit) & 1n) === 0n).map(([name]) => name);
  if (uid === 0 && missing.length === 0) return ok("root, with all capabilities that VM mode needs");
  if (uid !== 0) return fail(`user ${uid}, not root`, "run it with sudo");
  return fail(
    `root without ${missing.join(", ")}`,
    "run outside of a container, or give the container these capabilities (docker run --privileged)",
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
