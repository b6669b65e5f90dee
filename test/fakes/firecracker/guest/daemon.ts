import { spawn, type ChildProcess, type IOType } from "node:child_process";
import { dirname, join, resolve } from "node:path";
import { realpathSync } from "node:fs";

/** Our build folder, in which this executable is, but for a jail. */
export const BUILD =
  process.env["NK_FAKE_FC_BUILD"] ?? resolve(dirname(realpathSync(process.argv[1] ?? "")), "..");

/**
 * Starts a program that ends with us, however we end, and has the descriptors from 3 on that `stdio` gives it. None of them can be "ignore":
 * a jail has no /dev/null.
 */
export function startDaemon(command: readonly string[], stdio: (IOType | number)[]): ChildProcess {
  const kept = stdio.slice(3).flatMap((_, index) => ["--keep", String(index + 3)]);
  const args = ["spawn", ...kept, "--parent", String(process.pid), "--", ...command];
  return spawn(join(BUILD, "bin/nk-shadow"), args, { stdio });
}
