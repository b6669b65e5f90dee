import { join } from "node:path";
import { BoundedLog } from "../host/bounded-log.ts";
import type { VmExit } from "./virtual-machine.ts";

/** The logs of one VM. */
export interface VmLogs {
  /** What the VMM says. */
  vmm: BoundedLog;
  /** What the guest's kernel says. */
  console: BoundedLog;
}

/** How much of the console's end is searched: a panic with its call trace and registers fits. */
export const CONSOLE_SEARCH_BYTES = 16 * 1024;

export function openLogs(stateDir: string): VmLogs {
  return {
    vmm: new BoundedLog(join(stateDir, "vmm.log")),
    console: new BoundedLog(join(stateDir, "console.log")),
  };
}

export function closeLogs(logs: VmLogs): void {
  logs.vmm.close();
  logs.console.close();
}

/** The ends of both, for errors. */
export function tailOf(logs: VmLogs): string {
  const parts = [
    ["VMM", logs.vmm.tail()],
    ["console", logs.console.tail()],
  ].filter(([, text]) => text !== "");
  return parts.map(([name, text]) => `--- ${name} ---\n${text}`).join("\n");
}

/** Of a VM that was closed before it was booted. */
export const NEVER_BOOTED: VmExit = {
  reason: "stopped",
  code: null,
  signal: null,
  message: "the VM was never started",
};
