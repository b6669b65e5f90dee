import { basename } from "node:path";
import { asNkError } from "../base/errors.ts";
import { chooseHostRuntime } from "../container/host-runtime.ts";
import { fail, ok, type Finding } from "../host/finding.ts";
import type { Check } from "./check.ts";
import type { Context } from "./context.ts";
import { firstLine, runProgram } from "../host/run-program.ts";

/** What container mode hands its containers to. */
export const RUNTIME_CHECKS: readonly Check[] = [
  { group: "container mode", name: "host runtime", modes: ["container"], run: runtime },
];

const INSTALL = "apt-get install runc";

async function runtime({ settings, root }: Context): Promise<Finding> {
  let chosen;
  try {
    chosen = chooseHostRuntime(settings.hostRuntime, root);
  } catch (error) {
    const mend =
      settings.hostRuntime === undefined ? INSTALL : "correct --host-runtime (or container.runtime)";
    return fail(asNkError(error).message, mend);
  }
  const { code, output } = await runProgram(chosen.runtime, ["--version"]);
  if (code !== 0) return fail(`${chosen.runtime} does not run: ${firstLine(output)}`, INSTALL);
  const version = firstLine(output).replace(/^.*version\s+/, "");
  return ok(`${basename(chosen.runtime)} ${version} (${chosen.runtime})`);
}
