import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatExact } from "../base/exact-json.ts";
import type { ContainerRecord, HostRecord } from "../state/record.ts";
import type { ExecRequest } from "./container-mode.ts";
import { runInForeground } from "./host-command.ts";
import { option } from "./host-create.ts";

/** Hands the process object over in a file: it says everything, so no flag of exec is needed that runc and crun differ in. */
export async function execOnHost(
  container: ContainerRecord & { host: HostRecord },
  stateDir: string,
  request: ExecRequest,
): Promise<number> {
  const processFile = join(stateDir, `exec-${process.pid}.json`);
  writeFileSync(processFile, formatExact({ ...request.process, terminal: request.terminal }), {
    mode: 0o600,
  });
  const args = [
    "exec",
    "--process",
    processFile,
    ...(request.terminal ? ["--tty"] : []),
    ...(request.detach ? ["--detach"] : []),
    ...option("--pid-file", request.pidFile),
    ...option("--console-socket", request.consoleSocket),
    ...(request.preserveFds > 0 ? ["--preserve-fds", String(request.preserveFds)] : []),
    ...request.cgroups.flatMap((path) => ["--cgroup", path]),
    // crun has no such option, and does without it.
    ...(request.ignorePaused && container.status === "paused" ? ["--ignore-paused"] : []),
    container.id,
  ];
  const why = "starts one more process in the container's namespaces and cgroup";
  try {
    return await runInForeground({ host: container.host, args, stateDir, why }, request.preserveFds);
  } finally {
    rmSync(processFile, { force: true });
  }
}
