import { constants, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { NkError } from "../../base/errors.ts";
import { checkSocketPath } from "../../base/socket-path.ts";
import { connectError } from "../../host/connect-error.ts";
import { closedKvm } from "../accel.ts";
import type { VmSpec } from "../virtual-machine.ts";
import { needsKvm } from "./needs-kvm.ts";
import { API_SOCKET, SHARE_PORT, VSOCK_SOCKET, type Place } from "./place.ts";

const PHASE = "check what Firecracker needs";

/**
 * What Firecracker itself would say late, in other words, or never: it takes a folder for a kernel without complaint, and a wrong serial path.
 * @throws UNSUPPORTED, BAD_CONFIG, EXISTS with what was expected, what was found, and the way out
 */
export async function preflight(spec: VmSpec, { changesUser }: Place): Promise<void> {
  const { kernel, initrd } = spec.shape;
  const closed = closedKvm();
  if (closed !== undefined) throw needsKvm(closed);
  for (const path of [kernel.path, initrd]) checkFile(path, changesUser);
  // The longest of them; that of the agent is made by ourselves.
  const share = join(spec.stateDir, `${VSOCK_SOCKET}_${SHARE_PORT}`);
  checkSocketPath(share);
  for (const name of [API_SOCKET, VSOCK_SOCKET]) await clearStale(join(spec.stateDir, name));
  await clearStale(share);
}

/** @param forOthers it is opened by a user who owns nothing */
function checkFile(path: string, forOthers: boolean): void {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat?.isFile() !== true) {
    const found = stat === undefined ? "nothing" : "something else";
    throw new NkError("BAD_CONFIG", `${path}: expected a file to boot from, found ${found}`, {
      phase: PHASE,
    });
  }
  if (!forOthers || (stat.mode & constants.S_IROTH) !== 0) return;
  const problem = `${path}: the user that Firecracker has in its jail may not read it`;
  throw new NkError("BAD_CONFIG", `${problem}: chmod a+r it, or use --vm-jailer=off`, { phase: PHASE });
}

/** Firecracker removes its sockets never, and refuses a path that is taken. */
async function clearStale(path: string): Promise<void> {
  if ((await connectError(path)) === undefined) {
    const problem = `${path}: another process listens there, expected nobody`;
    throw new NkError("EXISTS", `${problem}: is the VM running already?`, { phase: PHASE });
  }
  rmSync(path, { force: true });
}
