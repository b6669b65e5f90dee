import { join } from "node:path";
import type { OwnMonitor } from "../host/shadow-plan.ts";

/** How a VM's monitor is started: this same program, with another first word. */
export function ownMonitor(stateDir: string): OwnMonitor {
  return {
    argv: [process.execPath, process.argv[1] ?? "", "monitor", stateDir],
    log: join(stateDir, "monitor.log"),
  };
}
