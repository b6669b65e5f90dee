import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { fillLog } from "../state/pool-store.ts";

/**
 * Has the pool filled again by a process of its own: whoever has taken a VM does not wait for the next one. It leaves the caller's cgroup as soon as it runs
 * (pool/fill.ts).
 */
export function refillPool(root: string): void {
  const [, program = ""] = process.argv;
  const log = openSync(fillLog(root), "w", 0o600);
  const child = spawn(process.execPath, [program, "--root", root, "vm-pool", "fill"], {
    cwd: "/",
    detached: true,
    stdio: ["ignore", "ignore", log],
  });
  closeSync(log);
  child.on("error", () => {});
  child.unref();
}
