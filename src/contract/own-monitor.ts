import { join } from "node:path";
import type { OwnMonitor, PlannedDaemon } from "../host/shadow-plan.ts";
import { checkSocketPaths } from "../state/paths.ts";

/** How a VM's monitor is started: this same program, with another first word. @throws BAD_CONFIG when its folder cannot hold sockets */
export function ownMonitor(stateDir: string, daemons: readonly PlannedDaemon[]): OwnMonitor {
  checkSocketPaths(stateDir);
  return {
    argv: [process.execPath, process.argv[1] ?? "", "monitor", stateDir],
    log: join(stateDir, "monitor.log"),
    daemons,
  };
}
