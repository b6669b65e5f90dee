import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatExact } from "../base/exact-json.ts";
import type { ContainerRecord, HostRecord } from "../state/record.ts";
import type { UpdateRequest } from "./container-mode.ts";
import { runQuietly } from "./host-command.ts";

/** Hands the limits over in a file, which runc and crun both take. */
export async function updateOnHost(
  { id, host }: ContainerRecord & { host: HostRecord },
  stateDir: string,
  { change, rdt }: UpdateRequest,
): Promise<void> {
  const file = join(stateDir, `update-${process.pid}.json`);
  writeFileSync(file, formatExact(change), { mode: 0o600 });
  const args = ["update", "--resources", file, ...rdt, id];
  try {
    await runQuietly({ host, args, stateDir, why: "changes the limits of the container's cgroup" });
  } finally {
    rmSync(file, { force: true });
  }
}
