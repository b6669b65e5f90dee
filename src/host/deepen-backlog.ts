import { traced, warnings } from "../trace/channels.ts";
import { shadowPath } from "./paths.ts";
import { firstLine, runProgram } from "./run-program.ts";

const WHY =
  "QEMU lets two clients wait until it takes their connections, and the kernel drops what others ask for";

/** More clients may wait at the TCP ports at which a process listens. Never rejects: where that cannot be had, a warning says so. */
export function deepenBacklog(pid: number): Promise<void> {
  const args = ["deepen-backlog", String(pid)];
  const what = `nk-shadow ${args.join(" ")}`;
  return traced("network", "let more clients wait", { why: WHY, what }, async () => {
    const { code, output } = await runProgram(shadowPath(), args);
    if (code === 0) return;
    // Who may not trace a process gets no descriptor of it.
    const mend = output.includes("Operation not permitted") ? " (CAP_SYS_PTRACE is needed)" : "";
    warnings.publish(
      `published ports lose connections when more than two clients connect at once: ${firstLine(output)}${mend}`,
    );
  });
}
