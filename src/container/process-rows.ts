import { readFileSync } from "node:fs";
import type { ProcessRow } from "./container-mode.ts";

/** A process of the host as `ps` shows it; undefined when it has ended. */
export function readProcessRow(pid: number): ProcessRow | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    const command = field(status, "Name");
    const args = readFileSync(`/proc/${pid}/cmdline`, "utf8").replace(/\0+$/, "").replaceAll("\0", " ");
    return {
      pid,
      ppid: Number(field(status, "PPid")),
      uid: Number(field(status, "Uid").split(/\s+/)[0]),
      command,
      args: args === "" ? `[${command}]` : args,
      state: field(status, "State").charAt(0),
    };
  } catch {
    return undefined;
  }
}

function field(status: string, name: string): string {
  return new RegExp(`^${name}:\\s*(.*)$`, "m").exec(status)?.[1] ?? "";
}
