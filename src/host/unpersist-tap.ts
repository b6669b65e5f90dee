import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { NkError } from "../base/errors.ts";
import { traced } from "../trace/channels.ts";
import { shadowPath } from "./paths.ts";

const TIMEOUT_MS = 5000;

/** From now on the taps that a process has open go with it, as those that it has made itself do. @throws HOST */
export function unpersistTap(pid: number): Promise<void> {
  const why = "it was made before its VMM, which may open it and not make one; without the VMM it would stay";
  const args = ["unpersist", String(pid)];
  return traced("vmm", "tie the tap to the VMM", { why, what: `nk-shadow ${args.join(" ")}` }, async () => {
    try {
      await promisify(execFile)(shadowPath(), args, { timeout: TIMEOUT_MS });
    } catch (cause) {
      throw cannotUnpersist((cause as { stderr?: string }).stderr?.trim() ?? "", cause);
    }
  });
}

/** Who may not trace a process gets no descriptor of it. */
function cannotUnpersist(words: string, cause: unknown): NkError {
  const mend = words.includes("Operation not permitted")
    ? " (CAP_SYS_PTRACE is needed, and kernel.yama.ptrace_scope below 3; --vm-jailer=off does without)"
    : "";
  return new NkError("HOST", `cannot tie the VM's tap to its VMM: ${words}${mend}`, { cause });
}
