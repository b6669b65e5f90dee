import { constants } from "node:os";
import { NkError } from "../base/errors.ts";
import { foreignDeath } from "../host/process-info.ts";
import { parseSignal } from "../host/signals.ts";
import type { ContainerRecord } from "../state/record.ts";
import type { ContainerMode } from "./container-mode.ts";
import { checkAllowed } from "./lifecycle.ts";

/** From SIGKILL to the end; in a VM its monitor ends the guest meanwhile. */
const KILL_TIMEOUT_MS = 45_000;
/** From the end of a process that got no signal any more to that of the one that callers know. */
const OWN_END_TIMEOUT_MS = 5000;

/**
 * TERM, or what the image says, and KILL to all processes after `graceMs`; resolves when the container has stopped. A container whose process has not been started has
 * nothing that could end by itself, and one that has stopped is left as it is.
 * @throws BAD_STATE for one that is being created, TIMEOUT when it does not end
 */
export async function stopContainer(
  mode: ContainerMode,
  container: ContainerRecord,
  graceMs: number,
): Promise<void> {
  const { SIGKILL } = constants.signals;
  if (container.status === "stopped") return;
  checkAllowed("kill", container);
  if (container.status === "running" && graceMs > 0) {
    await signal(mode, container, stopSignal(container));
    if (await hasEnded(container, graceMs)) return;
  }
  await signal(mode, container, SIGKILL);
  if (await hasEnded(container, KILL_TIMEOUT_MS)) return;
  throw new NkError("TIMEOUT", `the container ${container.id} did not end after SIGKILL`, {
    see: `nk-runtime delete --force ${container.id}`,
  });
}

/** image-spec conversion.md; a name that is none of a signal is as good as nothing. */
const STOP_SIGNAL = "org.opencontainers.image.stopSignal";

function stopSignal({ annotations }: ContainerRecord): number {
  try {
    return parseSignal(annotations[STOP_SIGNAL] ?? "TERM");
  } catch {
    return constants.signals.SIGTERM;
  }
}

/** It may end by itself before the signal arrives: then there is nothing to send it to. */
async function signal(mode: ContainerMode, container: ContainerRecord, number: number): Promise<void> {
  try {
    await mode.kill(container, number, number === constants.signals.SIGKILL);
  } catch (error) {
    if (!(await hasEnded(container, OWN_END_TIMEOUT_MS))) throw error;
  }
}

/** The process that callers know is the last to go. */
function hasEnded({ pid, pidStartTime }: ContainerRecord, timeoutMs: number): Promise<boolean> {
  return foreignDeath(pid, pidStartTime, timeoutMs);
}
